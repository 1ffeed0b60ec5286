import { readFileSync } from 'node:fs';

/**
 * Real hosts must not reach beyond this machine: the tests run in a network namespace without a way out.
 *
 * @throws if there is a default route
 */
export function requireIsolation(): void {
  const routes = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
  if (routes.some((line) => line.split('\t')[1] === '00000000')) {
    throw new Error('these tests boot hosts: run them with script/test, in a network namespace without an uplink');
  }
}
