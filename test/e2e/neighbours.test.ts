import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

/** Two clusters on one machine, and members that fail. */
describe('beside a running cluster', () => {
  let first: TestProject;

  beforeAll(async () => {
    requireIsolation();
    first = await TestProject.create(`{ cluster_name: 'e2e-first', num_instances: 1 }`);
    expect(await first.json<UpDocument>(['up'])).toMatchObject({ ok: true });
  });
  afterAll(() => first.dispose());

  it.each([
    ['the same name', `{ cluster_name: 'e2e-first', provider: { kind: 'local', subnet: '10.9.9.0/24' } }`, 'e2e-first'],
    ['the same addresses', `{ cluster_name: 'e2e-second' }`, '172.17.8.0/24'],
    [
      'a subnet that is too small',
      `{ num_instances: 9, provider: { kind: 'local', subnet: '10.9.9.0/29' } }`,
      '10.9.9.0/29',
    ],
  ])('%s is refused with exit code 2, and nothing is changed', async (_what, config, named) => {
    const second = await TestProject.create(config);
    const { code, stderr } = await second.coreup(['up'], { env: { COREUP_DATA_DIR: first.dataDir } });
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain(named);
    expect(stderr).toContain('→');
    expect((await readdir(second.directory)).filter((name) => name.startsWith('user-data-'))).toEqual([]);
    expect(await first.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
  });

  it('another network is no trouble', async () => {
    const second = await TestProject.create(
      `{ cluster_name: 'e2e-second', provider: { kind: 'local', subnet: '10.9.9.0/24' } }`,
    );
    expect(await second.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    expect(await first.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
    await second.dispose();
  });

  it('a member whose etcd cannot run is named with its reason and its journal, and the exit code is 1', async () => {
    const broken = await TestProject.create(
      `{ cluster_name: 'e2e-broken', num_instances: 3, provider: { kind: 'local', subnet: '10.9.9.0/24' }, etcd: { heartbeat_interval: 100, election_timeout: 60000 } }`,
    );
    const { code, stderr } = await broken.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/Error: etcd is not healthy on: core-01, core-02, core-03/);
    expect(stderr).toContain('too long, and should be set less than 50000ms');
    expect(stderr).toContain('coreup logs core-02 etcd2.service');
    await broken.dispose();
  });
});
