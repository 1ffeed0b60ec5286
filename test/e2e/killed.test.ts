import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Readable } from 'node:stream';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

/** Lines of progress at which the program is killed, from early to late. */
const MOMENTS = [
  'core-02: creating',
  'core-03: starting',
  'core-01: reached',
  'Checking that it is safe',
  'core-02: 15 changes to make',
  'core-01: 15 changes made',
  'Verifying the cluster',
];

describe('up that is killed with SIGKILL', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-killed', num_instances: 3 }`);
  });
  afterAll(() => project.dispose());

  it.each(MOMENTS)('at "%s" is made good by the next up', async (moment) => {
    const running = project.start(['up']);
    await seen(running.stderr, moment);
    running.kill('SIGKILL');
    expect((await running).signal).toBe('SIGKILL');

    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0, exitCode: 0 });
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
    expect((await project.coreup(['destroy', '--yes'])).code).toBe(0);
  });

  it('at a Ctrl-C ends with 130, and the next up goes on', async () => {
    const running = project.start(['up']);
    await seen(running.stderr, 'core-01: reached');
    running.kill('SIGINT');
    const ended = await running;
    expect({ code: ended.exitCode, stderr: ended.stderr }).toMatchObject({ code: 130 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
  });
});

/** Resolves when a line that starts with `text` has been printed; rejects if the output ends without it. */
function seen(output: Readable | null, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    output?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (`\n${printed}`.includes(`\n${text}`)) resolve();
    });
    output?.on('end', () => reject(new Error(`"${text}" was never printed:\n${printed}`)));
  });
}
