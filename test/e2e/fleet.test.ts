import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnitState } from '../../src/fleet/client.js';
import { cutPower, unplug } from './lab/faults.js';
import { describeFleet, FLEET_SOURCE, whereabouts, withFleet } from './lab/fleet.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';
import { until } from './lab/wait.js';

const CLUSTER = 'e2e-fleet';
const MEMBERS = ['core-01', 'core-02', 'core-03'];

/** The chapter's units; docker is not on these hosts, so /bin/sh runs in its place. */
const HELLO = `[Unit]
Description=Example

[Service]
TimeoutStartSec=0
ExecStart=/bin/sh -c "while true; do echo Hello World; sleep 1; done"
`;
const REDIS = `[Unit]
Description=My redis Frontend {{version}}

[Service]
TimeoutStartSec=0
ExecStart=/bin/sh -c "while true; do sleep 1; done"

[X-Fleet]
Conflicts=redis@*.service
`;
const sleeper = (xFleet: string): string => `[Service]\nExecStart=/bin/sleep infinity\n\n[X-Fleet]\n${xFleet}\n`;
const BASE = `{ unit: 'units/hello.service' }, { unit: 'units/redis@.service.hbs', instances: [1, 2], vars: { version: 1 } }`;

describeFleet('fleet on three hosts, with sh in place of the docker of the chapter', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create('{}');
    await mkdir(join(project.directory, 'units'));
    await unit('hello.service', HELLO);
    await unit('redis@.service.hbs', REDIS);
  });
  afterAll(() => project.dispose());

  const unit = (name: string, text: string): Promise<void> => writeFile(join(project.directory, 'units', name), text);
  const configure = (services: string, source = FLEET_SOURCE): Promise<void> =>
    project.configure(`{
      cluster_name: '${CLUSTER}', num_instances: 3, services: [${services}],
      fleet: { source: ${JSON.stringify(source)}, agent_ttl: '10s', metadata: { 'core-02': { disk: 'ssd', region: 'eu' } } },
    }`);
  const fleetctl = (...args: string[]) => project.coreup(['fleetctl', '--', ...args]);

  /** Brings it up, and looks once more: nothing is left to do. */
  async function up(changes?: number): Promise<string> {
    const { code, stderr } = await project.coreup(['up']);
    expect(code === 0 ? '' : stderr).toBe('');
    const again = await project.json<UpDocument>(['up']);
    expect(again).toMatchObject({ ok: true, changes: changes ?? 0 });
    return stderr;
  }

  it('refuses a source that is no fleet, or for another machine, before there is a host', async () => {
    const other = join(project.directory, 'other');
    await mkdir(other);
    await configure(BASE, 'other');
    expect(await project.coreup(['up'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/other has no fleetd: it is empty/),
    });
    for (const name of ['fleetd', 'fleetctl']) {
      const program = await readFile(join(FLEET_SOURCE, name));
      // e_machine of the ELF header: aarch64.
      program.writeUInt16LE(183, 18);
      await writeFile(join(other, name), program);
    }
    expect(await project.coreup(['up'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/fleetd of fleet\.source is a program for aarch64, not for x86_64/),
    });
    await rm(other, { recursive: true });
    expect(await project.json(['status'])).toMatchObject({
      etcd: { members: MEMBERS.map(() => ({ host: 'absent' })) },
    });
  });

  it('refuses units with mistakes and units that no host can run', async () => {
    await unit('broken.service', '[Service]\nExecStart docker run redis\n');
    await configure(`${BASE}, { unit: 'units/broken.service' }`);
    expect(await project.coreup(['up'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/units\/broken\.service:2:1: "=" is missing after ExecStart/),
    });
    await unit('gpu.service', sleeper('MachineMetadata=gpu=yes'));
    await configure(`${BASE}, { unit: 'units/gpu.service' }`);
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/gpu\.service .*can run nowhere: .*gpu=yes/),
    });
    expect(await whereabouts(project)).not.toHaveProperty(['etcd2.service']);
  });

  it('brings fleet to the hosts, and hello and two redis to the cluster, on two machines', async () => {
    await configure(BASE);
    const stderr = await up();
    expect(stderr).toMatch(/hello\.service: runs on core-0\d/);
    const { stdout } = await fleetctl('list-machines', '-l');
    expect(stdout.trim().split('\n')).toHaveLength(4);
    expect(stdout).toMatch(/172\.17\.8\.102\s+disk=ssd,region=eu/);
    const places = await whereabouts(project);
    expect(places['hello.service']).toHaveLength(1);
    expect(new Set([...(places['redis@1.service'] ?? []), ...(places['redis@2.service'] ?? [])]).size).toBe(2);
    const listed = await fleetctl('list-units');
    expect(listed.stdout.match(/^\S+\.service\s+\S+\/172\.17\.8\.10\d\s+active\s+running$/gm)).toHaveLength(3);
  });

  it('honours metadata, MachineOf and Global', async () => {
    await unit('ssd.service', sleeper('MachineMetadata=disk=ssd\nMachineMetadata=disk=none'));
    await unit('both.service', sleeper('MachineMetadata="disk=ssd" "region=eu"'));
    await unit('beside.service', sleeper('MachineOf=hello.service'));
    await unit('everywhere.service', sleeper('Global=true'));
    const more = ['ssd', 'both', 'beside', 'everywhere'].map((name) => `{ unit: 'units/${name}.service' }`);
    await unit('idle.service', sleeper(''));
    await configure([BASE, ...more, "{ unit: 'units/idle.service', state: 'loaded' }"].join(', '));
    await up();
    const places = await whereabouts(project);
    expect(places).toMatchObject({
      'ssd.service': ['core-02'],
      'both.service': ['core-02'],
      'beside.service': places['hello.service'],
      'everywhere.service': MEMBERS,
    });
    expect(places).not.toHaveProperty(['idle.service']);
    expect((await fleetctl('list-unit-files')).stdout).toMatch(/^idle\.service\s+\S+\s+loaded\s+loaded\s/m);
  });

  it('takes away what config.ts drops, and rolls out what has changed one instance after the other', async () => {
    // Could run nowhere beside what goes.
    await unit('instead.service', sleeper('Conflicts=everywhere.service'));
    await configure(`${BASE.replace('version: 1', 'version: 2')}, { unit: 'units/instead.service' }`);
    const stderr = await up();
    for (const name of ['ssd', 'both', 'beside', 'everywhere', 'idle'])
      expect(stderr).toContain(`${name}.service: destroyed`);
    // The second is touched only once the first runs again.
    const order = stderr.match(/^redis@\d\.service: (replaced|runs)/gm);
    expect(order).toEqual([1, 2].flatMap((n) => [`redis@${n}.service: replaced`, `redis@${n}.service: runs`]));
    expect((await fleetctl('cat', 'redis@2')).stdout).toContain('Description=My redis Frontend 2');
    expect(
      Object.keys(await whereabouts(project)).filter((name) => /^(ssd|both|beside|everywhere|idle)\./.test(name)),
    ).toEqual([]);
  });

  it('says why units do not run: the exit status, an end too early, what systemd refuses', async () => {
    await unit('fails.service', '[Service]\nExecStart=/bin/sh -c "echo out of luck; exit 7"\n');
    await unit('ends.service', '[Service]\nExecStart=/bin/sh -c "sleep 1"\n');
    await unit('refused.service', '[Service]\nExecStart=/bin/sh -c "no end\n');
    const names = ['fails', 'ends', 'refused'];
    await configure([BASE, ...names.map((name) => `{ unit: 'units/${name}.service' }`)].join(', '));
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^fails\.service: has failed \(failed\) with exit-code, exit status 7 on core-0\d$/m);
    expect(stderr).toMatch(/out of luck/);
    expect(stderr).toMatch(/^ends\.service: has ended by itself/m);
    expect(stderr).toMatch(/^refused\.service: systemd does not take it \(bad-setting\)/m);
    // The others are as they were, and the next up tries the failed one again.
    expect(await whereabouts(project)).toHaveProperty(['hello.service']);
    await unit('fails.service', '[Service]\nExecStart=/bin/sleep infinity\n');
    await configure(`${BASE}, { unit: 'units/fails.service' }`);
    await up();
  });

  it("leaves other people's units alone, also those of its names", async () => {
    await unit('mine.service', sleeper(''));
    const { code, stdout } = await fleetctl('start', 'units/mine.service');
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Unit mine\.service launched on/),
    });
    await configure(BASE);
    await up();
    expect(await whereabouts(project)).toHaveProperty(['mine.service']);
    await configure(`${BASE}, { unit: 'units/mine.service' }`);
    const refused = await project.coreup(['up']);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/mine\.service \(coreup did not submit it\)/),
    });
    expect((await fleetctl('destroy', 'mine.service')).code).toBe(0);
    await configure(BASE);
    await up();
  });

  it('runs every fleetctl command of the chapter, with the files of this machine and its exit codes', async () => {
    await unit('job@.service', sleeper(''));
    await unit('ends.service', '[Service]\nExecStart=/bin/false\n');
    expect((await fleetctl('submit', 'units/job@.service')).code).toBe(0);
    expect((await fleetctl('load', 'units/job@a.service')).stdout).toMatch(/Unit job@a\.service loaded on/);
    // Of several units fleetctl does not always know where they run: it waits for them at once, and the one asks for the
    // machines while the other believes that they are known (cachedMachineState in fleet 1.0.0).
    expect((await fleetctl('start', 'job@a', 'units/job@b')).stdout).toMatch(/^Unit job@b\.service launched/m);
    expect((await fleetctl('status', 'job@a', 'hello')).stdout).toMatch(
      /job@a\.service[^]*active \(running\)[^]*\n\n.*hello\.service[^]*active/,
    );
    expect((await fleetctl('journal', '--lines=3', 'hello')).stdout).toMatch(/Hello World/);
    expect((await fleetctl('ssh', 'hello', 'hostname')).stdout).toBe(
      (await whereabouts(project))['hello.service']?.[0],
    );
    expect(await fleetctl('ssh', 'hello', 'exit 9')).toMatchObject({ code: 9 });
    expect((await fleetctl('stop', 'job@a')).stdout).toMatch(/Unit job@a\.service loaded on/);
    expect((await fleetctl('status', 'job@a')).code).toBe(3);
    expect((await fleetctl('unload', 'job@b')).code).toBe(0);
    expect(await fleetctl('cat', 'no-such')).toMatchObject({ code: 1 });
    expect((await fleetctl('destroy', 'job@a', 'job@b', 'job@')).code).toBe(0);
    expect((await fleetctl('list-unit-files', '--fields=unit', '--no-legend')).stdout).not.toMatch(/job@/);
  });

  it('takes a unit of a megabyte, and forty more at once', async () => {
    const line = `Environment=FILL=${'x'.repeat(1900)}\n`;
    await unit(
      'large.service',
      `[Service]\nExecStart=/bin/sleep infinity\n${line.repeat(Math.ceil(1_000_000 / line.length))}`,
    );
    await unit('many@.service', sleeper(''));
    const instances = Array.from({ length: 40 }, (_, index) => index);
    await configure(
      `${BASE}, { unit: 'units/large.service' }, { unit: 'units/many@.service', instances: ${JSON.stringify(instances)} }`,
    );
    await up();
    const running = Object.keys(await whereabouts(project)).filter((name) => name.startsWith('many@'));
    expect(running).toHaveLength(40);
    await configure(BASE);
    await up();
  });

  it('outlives a fleetd that is restarted, and one that is killed', async () => {
    expect((await project.coreup(['exec', '--on', 'core-01', '--', 'sudo systemctl restart fleet'])).code).toBe(0);
    expect((await project.coreup(['exec', '--on', 'core-02', '--', 'sudo systemctl kill -s KILL fleet'])).code).toBe(0);
    await up();
    expect((await whereabouts(project))['hello.service']).toHaveLength(1);
  });

  it('deploys while the leader of etcd is killed', async () => {
    const { etcd } = await project.json<{ etcd: { leader: string } }>(['status']);
    await configure(`${BASE.replace('version: 1', 'version: 3')}, { unit: 'units/everywhere.service' }`);
    const running = project.start(['up', '--json']);
    running.stdin.end();
    running.stderr.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('Bringing the services up')) return;
      void project.coreup(['exec', '--on', etcd.leader, '--', 'sudo systemctl kill -s KILL etcd2']);
    });
    const { exitCode, stderr } = await running;
    expect(exitCode === 0 ? '' : stderr).toBe('');
    await up();
    expect((await whereabouts(project))['everywhere.service']).toEqual(MEMBERS);
  });

  it('moves what a killed host had, and ends the stray copy of one that was cut off', async () => {
    const [killed = ''] = (await whereabouts(project))['hello.service'] ?? [];
    cutPower(project, CLUSTER, killed);
    const others = MEMBERS.filter((name) => name !== killed);
    const moved = await until(
      'hello runs elsewhere',
      () => whereabouts(project),
      (places) => others.includes(places['hello.service']?.[0] ?? ''),
    );
    await up();

    const [lonely = ''] = moved['hello.service'] ?? [];
    const plugIn = await unplug(lonely);
    await until(
      'hello runs on a third host',
      () => whereabouts(project),
      (places) => (places['hello.service'] ?? []).some((name) => name !== lonely),
    );
    await plugIn();
    // Through a host whose etcd was never without the others: the one that was cut off answers with an error for a while.
    const witness = MEMBERS.find((name) => name !== lonely);
    await until(
      'the stray copy has ended',
      () => states(witness),
      (seen) => seen.length === 1,
    );
    await until(
      'one hello runs',
      () => whereabouts(project),
      (places) => places['hello.service']?.length === 1 && places['everywhere.service']?.length === 3,
    );
    await up();
  });

  /** What fleet says of hello, machine by machine. */
  async function states(through?: string): Promise<readonly UnitState[]> {
    const all = await withFleet(project, ({ client }) => client.states(), through);
    return all.filter(({ name, active }) => name === 'hello.service' && active === 'active');
  }
});
