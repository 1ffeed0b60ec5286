import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { Store } from '../../src/providers/local/store.js';
import { requireIsolation } from './lab/isolation.js';
import { keep, keptBy } from './lab/kept.js';
import { everythingOf } from './lab/made.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';
import { inTurn, rounds, servingAllTheWhile, Trial } from './lab/survive.js';

const NAME = 'e2e-crash-tls';

/** The change that has most to it: three rolls, and members that are told of each other's new URLs between them. */
describe('a running cluster that gets TLS, or loses it', () => {
  let project: TestProject;
  let on: Trial;
  let off: Trial;
  const machines = {
    names: ['core-01', 'core-02', 'core-03'],
    paths: (name: string) => new Store(NAME, project.dataDir).host(name),
  };
  const config = (tls: boolean) => `{ cluster_name: '${NAME}', num_instances: 3, etcd: { tls: ${String(tls)} } }`;

  const during = servingAllTheWhile(() => join(project.directory, '.coreup', 'pki'));

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config(false));
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    await keep(project);
    const to = (tls: boolean) =>
      Trial.of({
        project,
        machines,
        command: ['up'],
        victim: 'core-02',
        prepare: () => project.configure(config(tls)),
        during,
        made: async () => ({
          all: await everythingOf(project, machines, ['etcd2']),
          kept: await keptBy(project, machines),
        }),
      });
    on = await to(true);
    off = await to(false);
  });
  afterAll(() => project.dispose());

  it.each(rounds(61, 30))('is as without a fault after the next up: %s', (_, run) => run(inTurn(on.cases, off.cases)));
});
