import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlanResult } from '../../src/actions/plan.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';

/** Changes that take several rolls through a cluster of three members and a worker, each planned and then made. */
describe('the plan of a change in several rolls', () => {
  let project: TestProject;

  const config = (tls: boolean) =>
    `{ cluster_name: 'e2e-rolls', num_instances: 4, etcd: { members: 3, tls: ${String(tls)} } }`;
  const pki = async (): Promise<readonly (readonly [string, string])[]> => {
    const directory = join(project.directory, '.coreup', 'pki');
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(files.sort().map(async (file) => [file, await readFile(file, 'utf8')] as const));
  };

  /** What `up` will do by its plan must be what it then does: as many changes, restarts of the same units. */
  async function expectForeseen(plan: readonly string[], make: readonly string[]): Promise<PlanResult> {
    const foreseen = await project.json<PlanResult>(plan);
    expect(foreseen).toMatchObject({ ok: true });
    const { code, stdout, stderr } = await project.coreup([...make, '--events']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toMatchObject({ code: 0 });
    const events = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    const steps = (member: string) =>
      events
        .filter(({ event, member: whose }) => event === 'step' && whose === member)
        .map(({ kind, target, reason }) => `${String(kind)} ${String(target)}: ${String(reason)}`);
    for (const member of foreseen.members) {
      const shown = member.steps.map(({ kind, target, reason }) => `${kind} ${target}: ${reason}`);
      const own = shown.filter((line) => !line.startsWith('peer-urls ') && !line.includes('/proxy/cluster: '));
      expect({ member: member.name, steps: own }).toEqual({ member: member.name, steps: steps(member.name) });
    }
    expect(events.at(-1)?.['document']).toMatchObject({ ok: true, changes: foreseen.changes });
    return foreseen;
  }

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config(false));
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
  });
  afterAll(() => project.dispose());

  it('is what turning TLS on then does, step by step', async () => {
    await project.configure(config(true));
    const { rolls, quorum } = await expectForeseen(['plan'], ['up', '--yes']);
    expect(rolls.map(({ quorum: { rolled, verdict } }) => ({ rolled, verdict }))).toEqual(
      Array(3).fill({ rolled: ['core-01', 'core-02', 'core-03'], verdict: 'safe' }),
    );
    expect(quorum).toEqual(rolls[0]?.quorum);
  });

  it('is what a renewal of certificates then does, and makes none', async () => {
    const before = await pki();
    const foreseen = await expectForeseen(
      ['certs', 'renew', 'core-02', '--plan'],
      ['certs', 'renew', 'core-02', '--yes'],
    );
    expect(foreseen.rolls).toEqual([]);
    expect(foreseen.quorum?.rolled).toEqual(['core-02']);
    const after = new Map(await pki());
    const changed = before.filter(([file, text]) => after.get(file) !== text).map(([file]) => file);
    expect(changed.every((file) => file.includes('/members/core-02/'))).toBe(true);
    expect(changed).toHaveLength(3);
  });

  it('is what a change of the authority then does, and makes none', async () => {
    const before = await pki();
    const text = await project.coreup(['certs', 'rotate', '--plan']);
    expect(text.stdout.match(/^\d of 3: .*$/gm)).toEqual([
      '1 of 3: the new authority is trusted beside the old one',
      '2 of 3: it signs everything anew',
      '3 of 3: the old one is trusted no more',
    ]);
    expect(await pki()).toEqual(before);
    const { rolls } = await expectForeseen(['certs', 'rotate', '--plan'], ['certs', 'rotate', '--yes']);
    expect(rolls).toHaveLength(3);
  });

  it('is what turning TLS off again then does', async () => {
    await project.configure(config(false));
    const { rolls } = await expectForeseen(['plan'], ['up', '--yes']);
    expect(rolls).toHaveLength(3);
    expect(await project.json<PlanResult>(['plan'])).toMatchObject({ changes: 0, rolls: [] });
  });
});
