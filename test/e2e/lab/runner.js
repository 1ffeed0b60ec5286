import { fileURLToPath } from 'node:url';
import TestRunner from 'jest-runner';

const IN_NAMESPACE = fileURLToPath(new URL('in-namespace', import.meta.url));

/** Runs each test file in a worker with a network namespace of its own: all of them use the same addresses for their hosts. */
export default class extends TestRunner {
  async runTests(tests, watcher, options) {
    const own = process.execPath;
    // Workers are forked with it.
    process.execPath = IN_NAMESPACE;
    try {
      return await super.runTests(tests, watcher, { ...options, serial: false });
    } finally {
      process.execPath = own;
    }
  }
}
