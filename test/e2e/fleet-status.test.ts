import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeFleet, FLEET_SOURCE } from './lab/fleet.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

interface DrillDocument {
  readonly ok: boolean;
  readonly victim: { name: string; leader: boolean };
  readonly etcd: { elected: number | null; leader: string };
  readonly fleet: {
    units: { name: string; from: string; to: string | null; scheduled: number | null; running: number | null }[];
    promises: { conflicts: { kept: boolean }; nothing_lost: { kept: boolean } };
  };
  readonly restored: { ok: boolean };
  readonly problems: readonly string[];
}

const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n';

describeFleet('status and drill, with real fleet on three hosts', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    const source = JSON.stringify(FLEET_SOURCE);
    project = await TestProject.create(
      `{
        cluster_name: 'e2e-drill',
        num_instances: 3,
        fleet: { source: ${source}, agent_ttl: '10s', metadata: { 'core-01': { disk: 'ssd' } } },
        services: [{ unit: './redis@.service', instances: [1, 2] }, { unit: './g.service' }],
      }`,
      {
        'redis@.service': `${SLEEPER}[X-Fleet]\nConflicts=redis@*.service\n`,
        'g.service': `${SLEEPER}[X-Fleet]\nGlobal=true\n`,
      },
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
  });
  afterAll(() => project.dispose());

  it('status has the machines and the units', async () => {
    const { fleet } = await project.json<StatusDocument>(['status']);
    expect(fleet?.machines.map(({ member, ip }) => [member, ip]).sort()).toEqual(
      [1, 2, 3].map((index) => [`core-0${index}`, `172.17.8.10${index}`]),
    );
    expect(fleet?.machines.find(({ member }) => member === 'core-01')?.metadata).toEqual({ disk: 'ssd' });
    const rows = fleet?.units.map(({ name, active, sub }) => `${name} ${active} ${sub}`);
    expect(rows?.sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'g.service active running'),
      'redis@1.service active running',
      'redis@2.service active running',
    ]);
  });

  it('status --watch in a pipe prints one block for each change, and ends with 130', async () => {
    const running = project.start(['status', '--watch']);
    let text = '';
    let look: () => void = () => undefined;
    running.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      look();
    });
    /** Waits until the last block says this of redis@1. */
    const shown = (row: RegExp) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (row.test(text.split('e2e-drill: ').at(-1) ?? '')) resolve();
        };
        look();
      });
    // fleetctl start would give up where the unit is not reported as active within two seconds.
    const fleetctl = async (...words: string[]) => {
      const ended = await project.coreup(['fleetctl', '--', ...words, 'redis@1']);
      expect(ended).toMatchObject({ code: 0 });
    };
    await shown(/redis@1\.service +core-0\d +active +running/);
    await fleetctl('stop');
    await shown(/redis@1\.service +core-0\d +inactive +dead/);
    await fleetctl('start', '--no-block');
    await shown(/redis@1\.service +core-0\d +active +running/);
    running.kill('SIGINT');
    expect((await running).exitCode).toBe(130);
    const blocks = text.split('e2e-drill: ').slice(1);
    expect(new Set(blocks).size).toBeGreaterThanOrEqual(2);
    expect(blocks.filter((block, index) => block === blocks[index + 1])).toEqual([]);
  });

  it('drill stops the leader, sees its units move, and brings it back', async () => {
    const before = await project.json<StatusDocument>(['status']);
    const found = await project.json<DrillDocument>(['drill']);
    expect(found).toMatchObject({
      ok: true,
      exitCode: 0,
      problems: [],
      victim: { name: before.etcd.leader, leader: true },
      restored: { ok: true },
      fleet: { promises: { conflicts: { kept: true }, nothing_lost: { kept: true } } },
    });
    expect(found.etcd.leader).not.toBe(before.etcd.leader);
    expect(found.etcd.elected).not.toBeNull();
    const there = before.fleet?.units.filter(
      ({ name, member }) => name.startsWith('redis') && member === before.etcd.leader,
    );
    expect(found.fleet.units.map(({ name }) => name)).toEqual(there?.map(({ name }) => name));
    for (const unit of found.fleet.units) expect(unit.running).toBeGreaterThanOrEqual(unit.scheduled ?? Infinity);
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
  });

  it('drill that is interrupted starts the host again; a second loss is refused', async () => {
    const running = project.start(['drill', '--kill', 'core-02']);
    const seen = new Promise<void>((resolve) => {
      running.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('Waiting for etcd')) resolve();
      });
    });
    await seen;
    running.kill('SIGINT');
    expect((await running).exitCode).toBe(130);
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });

    expect((await project.coreup(['halt', 'core-03'])).code).toBe(0);
    const refused = await project.coreup(['drill', '--kill', 'core-02']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'without core-02, etcd would have 1 of 3 members, and it needs 2, and core-03 is not healthy',
    );
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({
      etcd: { members: [{ healthy: true }, { healthy: true }, { healthy: false }] },
    });
  });
});
