import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertsReport } from '../../src/actions/certs.js';
import { Store } from '../../src/providers/local/store.js';
import { requireIsolation } from './lab/isolation.js';
import { keep, keptBy } from './lab/kept.js';
import { everythingOf, type Different } from './lab/made.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';
import { rounds, servingAllTheWhile, Trial } from './lab/survive.js';

const NAME = 'e2e-crash-rolling';
/** What new certificates make different. */
const CERTIFICATES = /^(etc\/coreup\/pki\/|var\/lib\/coreup\/manifest\.json$)|\/40-coreup-tls\.conf$/;

/** Changes that restart one member after the other, of a cluster that is in use all the while. */
describe('a running cluster', () => {
  let project: TestProject;
  const machines = {
    names: ['core-01', 'core-02', 'core-03'],
    paths: (name: string) => new Store(NAME, project.dataDir).host(name),
  };
  const config = (heartbeat: number) =>
    `{ cluster_name: '${NAME}', num_instances: 3, etcd: { tls: true, heartbeat_interval: ${heartbeat} } }`;
  const pki = () => join(project.directory, '.coreup', 'pki');

  const made = async (different?: Different): Promise<object> => ({
    all: await everythingOf(project, machines, ['etcd2'], different),
    kept: await keptBy(project, machines),
  });

  const during = servingAllTheWhile(pki);

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config(100));
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    await keep(project);
  });
  afterAll(() => project.dispose());

  describe('that gets another setting, one member at a time, is as without a fault after the next up', () => {
    let there: Trial;
    let back: Trial;

    beforeAll(async () => {
      const to = (heartbeat: number) =>
        Trial.of({
          project,
          machines,
          command: ['up'],
          victim: 'core-02',
          prepare: () => project.configure(config(heartbeat)),
          during,
          made,
        });
      there = await to(150);
      back = await to(100);
      expect(back.moments).toEqual(there.moments);
      expect(there.moments.filter(({ line }) => line.startsWith('stepped '))).toHaveLength(3);
    });

    it.each(rounds(17))('%s', (_, run) => {
      // Every other one on the way there, the rest on the way back.
      const [forth, home] = [there.cases, back.cases];
      return run(forth.flatMap((one, index) => (index % 2 === 0 ? one : (home[index] ?? []))));
    });
  });

  describe.each([
    ['certs renew', 23],
    ['certs rotate', 61],
  ] as const)('that gets new certificates by %s has them after the next one', (command, nth) => {
    let trial: Trial;
    let before: readonly string[] = [];
    const certs = () => project.json<CertsReport>(['certs']);
    const prints = ({ authorities, certificates }: CertsReport) =>
      [...authorities, ...certificates].map(({ fingerprint }) => fingerprint);

    beforeAll(async () => {
      trial = await Trial.of({
        project,
        machines,
        command: command.split(' '),
        victim: 'core-02',
        prepare: async () => {
          before = prints(await certs());
        },
        during,
        made: async () => {
          const after = await certs();
          return {
            ...(await made({ contents: CERTIFICATES })),
            rotation: after.rotation,
            old: before.filter((print) => prints(after).includes(print)).length,
            certificates: prints(after).length,
            files: (await readdir(pki(), { recursive: true })).sort(),
            left: (await project.json<UpDocument>(['up'])).changes,
          };
        },
      });
    });

    it.each(rounds(nth, 10))('%s', (_, run) => run(trial.cases));
  });
});
