import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeLeftovers } from '../../../src/state/leftovers.js';
import { StateDirectory } from '../../../src/state/state.js';
import { writeFileAtomic } from '../../../src/util/fs.js';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'coreup-leftovers-'));
});
afterEach(() => rmSync(project, { recursive: true }));

it('removes what killed processes have left, and nothing that is in use, or somebody else’s', async () => {
  const gone = spawnSync('true').pid;
  const draft = (of: string, pid: number): string => `.${of}.${pid}.0123456789ab.tmp`;
  mkdirSync(join(project, '.coreup', 'pki'), { recursive: true });
  const put = (name: string): void => writeFileSync(join(project, name), '');
  put(`.coreup/${draft('state.json', gone)}`);
  put(`.coreup/pki/${draft('ca.pem', gone)}`);
  put(draft('user-data-1', gone));
  const kept = [`.coreup/${draft('state.json', process.pid)}`, '.coreup/journal', draft('notes', gone), 'x.tmp'];
  for (const name of kept) put(name);
  await writeFileAtomic(join(project, '.coreup', 'state.json'), '{}', 0o600);
  await removeLeftovers(new StateDirectory(join(project, '.coreup')));
  const left = readdirSync(project, { recursive: true }) as string[];
  expect(left.sort()).toEqual(['.coreup', '.coreup/pki', '.coreup/state.json', ...kept].sort());
});
