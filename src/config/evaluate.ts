import * as api from '../index.js';
import { compilePlain } from './plain.js';

/**
 * Runs a config file and, where it exports a function, that function.
 *
 * @param file absolute path
 * @returns the config as its author wrote it, unchecked; undefined where the file exports nothing
 * @throws whatever the file throws, or NeverSettled
 */
export async function evaluate(file: string, text: string): Promise<unknown> {
  const run = compilePlain(text, file, api) ?? (() => importFile(file));
  return settled(run().then((exported) => (typeof exported === 'function' ? (exported as () => unknown)() : exported)));
}

/** Thrown for a config that waits for something that can no longer happen. */
export class NeverSettled extends Error {}

/**
 * Node ends, with exit code 0 or 13 and without a word, once nothing is left that could settle the promise that the
 * program waits for.
 */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let giveUp = (): void => undefined;
  const idle = new Promise<never>((_, reject) => {
    giveUp = () => {
      reject(new NeverSettled('it waits for a promise that never settles'));
    };
    process.once('beforeExit', giveUp);
  });
  try {
    return await Promise.race([promise, idle]);
  } finally {
    process.off('beforeExit', giveUp);
  }
}

/** TypeScript, local imports, JSON: jiti takes them all, and 200 ms. */
async function importFile(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(file, {
    // Without these, transpiled configs (and what they hold) stay behind in the temporary directory.
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    // Wherever coreup is installed, and without a node_modules beside the config.
    virtualModules: { coreup: api },
  });
  const module = await jiti.import<{ readonly default?: unknown }>(file);
  return module.default;
}
