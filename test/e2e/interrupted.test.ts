import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { at } from './lab/moments.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

/** A start that takes its time, and as long as a test wants, and one that comes after it. */
const USER_DATA = withEtcd(`#cloud-config
coreos:
  units:
    - name: first.service
      command: start
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
    - name: slow.service
      command: start
      content: |
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh -c 'sleep 1; while [ -e /run/hold ]; do sleep 0.1; done'
    - name: next.service
      command: start
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
`);
const SLOW = { line: 'step core-01 unit-command start slow.service', nth: 1 };

describe('Ctrl-C during up', () => {
  let project: TestProject;

  const states = async (): Promise<readonly string[]> => {
    const look = ['exec', '--', 'systemctl show --property=ActiveState --value slow next; true'];
    const { members } = await project.json<ExecDocument>(look);
    return members[0]?.stdout.split('\n').filter((line) => line !== '') ?? [];
  };
  const lastOfJournal = async (): Promise<unknown> => {
    const text = await readFile(join(project.directory, '.coreup', 'journal'), 'utf8');
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  };
  const locked = (): boolean => existsSync(join(project.directory, '.coreup', 'lock'));

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-interrupted' }`, { 'user-data': USER_DATA });
  });
  afterAll(() => project.dispose());

  it('before anything was changed says so, and leaves nothing', async () => {
    const moment = { line: 'phase Checking this machine', nth: 1 };
    const { code, stderr } = await project.coreup(['up'], { env: at([moment], 'kill -INT $PPID') });
    expect({ code, stderr }).toMatchObject({ code: 130 });
    expect(stderr).toContain('Error: interrupted before anything was changed\n→ Run the same command again');
    expect(locked()).toBe(false);
  });

  it('lets the running step end, makes no other, and says what was done and how to go on', async () => {
    const { code, stderr } = await project.coreup(['up'], { env: at([SLOW], 'kill -INT $PPID') });
    expect({ code, stderr }).toMatchObject({ code: 130 });
    expect(stderr).toContain('Interrupted; ending after what is running. Once more to end at once.\n');
    expect(stderr).toMatch(
      /Error: interrupted; core-01 booted; core-01: (\d+) of (?!\1 )\d+ changes made\n→ Run the same/,
    );
    expect(await states()).toEqual(['active', 'inactive']);
    expect(await lastOfJournal()).toMatchObject({ event: 'ended', outcome: 'interrupted' });
    expect(locked()).toBe(false);
    const again = await project.coreup(['up']);
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
    expect(again.stderr).not.toContain('the last up ended');
    expect(await states()).toEqual(['active', 'active']);
  });

  it('twice ends at once, in the middle of a step; the next up says so, waits for the step, and does the rest', async () => {
    await writeFile(join(project.directory, 'user-data'), USER_DATA.replaceAll('infinity', '1d'));
    await project.coreup(['exec', '--', 'sudo systemctl stop slow next; sudo touch /run/hold']);
    // Two signals of one kind could become one.
    const twice = at([SLOW], 'kill -INT $PPID; kill -TERM $PPID');
    const { code, stderr } = await project.coreup(['up'], { env: twice });
    expect({ code, stderr }).toMatchObject({ code: 130 });
    expect(await lastOfJournal()).toMatchObject({ event: 'step', step: 'unit-command start slow.service' });
    expect((await states())[1]).toBe('inactive');
    const again = project.start(['up']);
    await said(again.stderr, 'core-01: waiting for a step of the last run to end');
    expect((await project.coreup(['exec', '--', 'sudo rm /run/hold'])).code).toBe(0);
    const { exitCode, stderr: lines } = await again;
    expect({ exitCode, lines }).toMatchObject({ exitCode: 0 });
    expect(lines).toMatch(
      /^the last up ended at \d\d:\d\d in the middle of unit-command start slow.service on core-01; what is left is done now$/m,
    );
    expect(await states()).toEqual(['active', 'active']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});

describe('up that is killed while its hosts are made', () => {
  it.each(['core-02: creating', 'core-03: starting'])('at "%s" is made good by the next one', async (moment) => {
    const project = await TestProject.create(`{ cluster_name: 'e2e-killed', num_instances: 3 }`);
    const running = project.start(['up']);
    await said(running.stderr, moment);
    running.kill('SIGKILL');
    expect((await running).signal).toBe('SIGKILL');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0, exitCode: 0 });
    await project.dispose();
  });
});

/** Resolves when a line that begins so has been printed; rejects if the output ends without it. */
function said(output: Readable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '\n';
    output.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes(`\n${text}`)) resolve();
    });
    output.on('end', () => reject(new Error(`"${text}" was never printed:${printed}`)));
  });
}
