/**
 * A process that takes part in a race, started by lock-race.test.ts. In `claims` mode each claim is left behind as stale,
 * so that every next one is a takeover. In `locks` mode it takes the project's lock and gives it back, until it is killed.
 */
import { appendFileSync, existsSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { claim } from '../../../src/state/claim.js';
import { isGone, takeLock, type LockOwner } from '../../../src/state/lock.js';
import { StateDirectory } from '../../../src/state/state.js';

const [, , mode = '', directory = '', rounds = ''] = process.argv;
const log = (line: string): void => {
  appendFileSync(join(directory, 'log'), `${line}\n`);
};
const inside = join(directory, 'inside');

/** Nobody else may be here: the file must not be there yet. */
async function alone(isDead: () => boolean): Promise<void> {
  try {
    closeSync(openSync(inside, 'wx'));
  } catch {
    if (!isDead()) log('OVERLAP');
  }
  writeFileSync(inside, readFileSync(join(directory, `.me-${process.pid}`)));
  for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
  rmSync(inside, { force: true });
}

async function claims(): Promise<void> {
  const path = join(directory, 'claim');
  writeFileSync(join(directory, `.me-${process.pid}`), '');
  for (let round = 0; round < Number(rounds);) {
    const id = randomUUID();
    const rival = await claim(path, id, (present) => existsSync(join(directory, `dead-${present}`)));
    if (rival !== undefined) continue;
    await alone(() => false);
    writeFileSync(join(directory, `dead-${id}`), '');
    log('won');
    round++;
  }
}

async function locks(): Promise<void> {
  const state = new StateDirectory(join(directory, 'state'));
  for (;;) {
    let unlock: () => Promise<void>;
    try {
      unlock = await takeLock(state, 'up');
    } catch (error) {
      if ((error as { code?: string }).code === 'LOCKED') continue;
      log(`FAULT ${(error as Error).message}`);
      continue;
    }
    const me = readFileSync(state.file('lock'), 'utf8');
    if ((JSON.parse(me) as LockOwner).pid !== process.pid) log('OVERLAP');
    writeFileSync(join(directory, `.me-${process.pid}`), me);
    await alone(() => {
      try {
        return isGone(JSON.parse(readFileSync(inside, 'utf8')) as LockOwner);
      } catch {
        return true; // made or removed in this moment by one that was killed
      }
    });
    log('won');
    await unlock();
  }
}

await (mode === 'claims' ? claims() : locks());
