import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cutPower, unplug } from './lab/faults.js';
import { describeFleet, FLEET_SOURCE, whereabouts, withFleet } from './lab/fleet.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';
import { until } from './lab/wait.js';

const CLUSTER = 'e2e-five';
const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n';
const REDIS = [1, 2, 3].map((index) => `redis@${index}.service`);

describeFleet('fleet on five hosts that find each other by DNS', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{
        cluster_name: '${CLUSTER}', num_instances: 5,
        discovery: { mode: 'dns', domain: 'five.example', managed: true, peer_auto_tls: true },
        fleet: { source: ${JSON.stringify(FLEET_SOURCE)}, agent_ttl: '10s' },
        services: [{ unit: 'redis@.service', instances: [1, 2, 3] }, { unit: 'everywhere.service' }],
      }`,
      {
        'redis@.service': `${SLEEPER}[X-Fleet]\nConflicts=redis@*.service\n`,
        'everywhere.service': `${SLEEPER}[X-Fleet]\nGlobal=true\n`,
        'mine.service': SLEEPER,
      },
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
  });
  afterAll(() => project.dispose());

  /** Hosts of the three redis; each must be somewhere, once, and no two on one host. */
  function hostsOf(places: Record<string, string[]>): string[] {
    return REDIS.flatMap((name) => places[name] ?? []);
  }
  const isApart = (hosts: readonly string[]): boolean => hosts.length === 3 && new Set(hosts).size === 3;

  it('keeps the redis apart, and has the global unit everywhere', async () => {
    const places = await whereabouts(project);
    expect(isApart(hostsOf(places))).toBe(true);
    expect(places['everywhere.service']).toHaveLength(5);
  });

  it('is driven by the real fleetctl of this machine, through a tunnel and through a socket', async () => {
    const agent = join(project.directory, 'agent');
    const started = await execa('ssh-agent', ['-a', agent]);
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started.stdout)?.[1]);
    await mkdir(join(project.directory, 'home'));
    const env = { HOME: join(project.directory, 'home'), SSH_AUTH_SOCK: agent };
    const fleetctl = (args: readonly string[], more: Record<string, string> = {}) =>
      execa(join(FLEET_SOURCE, 'fleetctl'), args, {
        cwd: project.directory,
        env: { ...env, ...more },
        stdin: 'ignore',
      });
    try {
      await execa('ssh-add', [join(project.directory, '.coreup', 'id_ed25519')], { env });
      const tunnel = { FLEETCTL_TUNNEL: '172.17.8.102', FLEETCTL_KNOWN_HOSTS_FILE: '.coreup/known_hosts' };
      expect((await fleetctl(['list-machines', '--no-legend'], tunnel)).stdout.split('\n')).toHaveLength(5);
      expect((await fleetctl(['ssh', 'redis@1', 'hostname'], tunnel)).stdout).toBe(
        (await whereabouts(project))['redis@1.service']?.[0],
      );
      await fleetctl(['start', '--no-block', 'mine.service'], tunnel);
      await until(
        'mine runs',
        () => whereabouts(project),
        (places) => places['mine.service']?.length === 1,
      );

      await writeFile(join(project.directory, '.coreup', 'ssh_config'), (await project.coreup(['ssh-config'])).stdout);
      const socket = join(project.directory, 'fleet.sock');
      const ssh = execa('ssh', ['-F', '.coreup/ssh_config', '-N', '-L', `${socket}:/run/fleet.sock`, 'core-03'], {
        cwd: project.directory,
        env,
        reject: false,
      });
      const listed = await until(
        'the socket answers',
        () =>
          fleetctl(['--endpoint', `unix://${socket}`, 'list-units', '--no-legend', '--fields=unit']).catch(
            () => undefined,
          ),
        (ended) => ended !== undefined,
      );
      expect(new Set(listed?.stdout.split('\n'))).toEqual(new Set([...REDIS, 'everywhere.service', 'mine.service']));
      await fleetctl(['--endpoint', `unix://${socket}`, 'destroy', 'mine.service']);
      ssh.kill();
      await ssh;
    } finally {
      process.kill(pid);
    }
  });

  it('loses two hosts at once, one of them only cut off, and gets them back', async () => {
    const [killed = '', lonely = ''] = hostsOf(await whereabouts(project));
    const plugIn = await unplug(lonely);
    cutPower(project, CLUSTER, killed);
    const others = (places: Record<string, string[]>): string[] =>
      hostsOf(places).filter((host) => host !== killed && host !== lonely);
    await until(
      'all run on the other three',
      () => whereabouts(project),
      (places) => isApart(others(places)),
    );
    await plugIn();
    await until(
      'the stray copy has ended',
      () => whereabouts(project),
      (places) => isApart(hostsOf(places)),
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    const places = await whereabouts(project);
    expect(isApart(hostsOf(places))).toBe(true);
    expect(places['everywhere.service']).toHaveLength(5);
    const known = await withFleet(project, ({ client }) => client.units());
    expect(known.map(({ name }) => name).sort()).toEqual(['everywhere.service', ...REDIS]);
  });

  it('stands a drill of a member that does not lead', async () => {
    const { etcd } = await project.json<StatusDocument>(['status']);
    const [victim = ''] = hostsOf(await whereabouts(project)).filter((host) => host !== etcd.leader);
    expect(await project.json(['drill', '--kill', victim])).toMatchObject({
      ok: true,
      exitCode: 0,
      problems: [],
      victim: { name: victim, leader: false },
      etcd: { leader: etcd.leader },
      fleet: {
        units: [{ name: expect.stringMatching(/^redis@/), from: victim }],
        promises: { conflicts: { kept: true }, nothing_lost: { kept: true } },
      },
      restored: { ok: true },
    });
  });
});
