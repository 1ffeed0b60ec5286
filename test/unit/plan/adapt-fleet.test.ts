import { describe, expect, it } from '@jest/globals';
import { buildCluster } from '../../../src/cluster/build.js';
import type { HostState } from '../../../src/cluster/host-state.js';
import { etcdServers } from '../../../src/phases/fleet-wish.js';
import { adapt } from '../../../src/plan/adapt.js';
import { fleetOrigin, fleetRefusal, type FleetWish } from '../../../src/plan/adapt-fleet.js';
import type { Observation } from '../../../src/plan/observation.js';
import { command, EMPTY_HOST, EMPTY_MANIFEST, EMPTY_STATE, file, seenPath, seenUnit } from './support.js';

const ETC = '/etc/systemd/system/';
const program = (more: Partial<NonNullable<FleetWish['programs']>['fleetd']> = {}) => ({
  content: Buffer.from('x'),
  sha256: 'abc',
  machine: 'x86_64',
  ...more,
});
const WISH: FleetWish = {
  enabled: 'auto',
  etcdServers: ['http://127.0.0.1:2379', 'http://10.0.0.2:2379'],
  publicIp: '10.0.0.1',
  socketUser: 'core',
};
const BRINGS: FleetWish = { ...WISH, programs: { fleetd: program(), fleetctl: program() } };

const host = (more: Partial<Observation>): Observation => ({ ...EMPTY_HOST, ...more });
const unitAt = (fragment: string): Partial<Observation> => ({
  units: new Map([['fleet.service', seenUnit({ load: 'loaded', fragment })]]),
});
const text = ({ files }: HostState, path: string): string =>
  Buffer.from(files.find((entry) => entry.path === path)?.content ?? '').toString();
const started = ({ commands }: HostState): string[] => commands.map(({ verb, unit }) => `${verb} ${unit}`);

describe('where a fleet comes from', () => {
  it.each<[string, FleetWish | undefined, Partial<Observation>, string]>([
    ['nowhere, if it is not wished', undefined, { fleetd: '/usr/bin/fleetd' }, 'none'],
    ['nowhere, if there is none', WISH, {}, 'none'],
    ["the host's own program", WISH, { fleetd: '/usr/bin/fleetd' }, 'host'],
    ['fleet.source', BRINGS, { fleetd: '/usr/bin/fleetd' }, 'brought'],
    ["the distribution's unit before all", BRINGS, unitAt('/usr/lib/systemd/system/fleet.service'), 'distribution'],
    ["somebody's own unit, too", BRINGS, unitAt(`${ETC}fleet.service`), 'distribution'],
    [
      "but not coreup's own unit",
      BRINGS,
      {
        ...unitAt(`${ETC}fleet.service`),
        manifest: { ...EMPTY_MANIFEST, files: { [`${ETC}fleet.service`]: 'sum' } },
      },
      'brought',
    ],
    [
      'nor a program that an earlier source has brought',
      WISH,
      {
        fleetd: '/usr/local/bin/fleetd',
        manifest: { ...EMPTY_MANIFEST, files: { '/usr/local/bin/fleetd': 'sum' } },
      },
      'none',
    ],
  ])('%s', (_, wish, seen, origin) => {
    expect(fleetOrigin(wish, host(seen))).toBe(origin);
  });
});

describe('what a host gets', () => {
  it('is nothing without fleet', () => {
    expect(adapt(EMPTY_STATE, EMPTY_HOST, WISH)).toEqual({ state: EMPTY_STATE, notices: [] });
  });

  it('is programs, units, what fleet must know, and the start, where coreup brings it', () => {
    const { state } = adapt({ ...EMPTY_STATE, commands: [command('start', 'etcd2.service')] }, EMPTY_HOST, BRINGS);
    expect(state.files.filter(({ mode }) => mode === 0o755).map(({ path }) => path)).toEqual([
      '/usr/local/bin/fleetd',
      '/usr/local/bin/fleetctl',
    ]);
    const service = text(state, `${ETC}fleet.service`);
    expect(service).toContain('\nExecStart=/usr/local/bin/fleetd\n');
    expect(service).not.toContain('Type=notify');
    // Another fleetd is another unit file, so that it is restarted.
    expect(service).toContain('abc');
    expect(text(state, `${ETC}fleet.socket`)).toContain('SocketUser=core');
    const defaults = text(state, `${ETC}fleet.service.d/10-coreup.conf`);
    expect(defaults).toContain('FLEET_ETCD_SERVERS=http://127.0.0.1:2379,http://10.0.0.2:2379"');
    expect(defaults).toContain('FLEET_PUBLIC_IP=10.0.0.1"');
    expect(started(state)).toEqual(['start etcd2.service', 'start fleet.socket', 'start fleet.service']);
    expect(state.units.filter(({ enable }) => enable).map(({ name }) => name)).toContain('fleet.service');
  });

  it("is no program and no unit where the distribution has them; user-data's own start stays the only one", () => {
    const seen = unitAt('/usr/lib/systemd/system/fleet.service');
    const { state } = adapt({ ...EMPTY_STATE, commands: [command('start', 'fleet.service')] }, host(seen), BRINGS);
    expect(state.files.map(({ path }) => path).filter((path) => path.includes('fleet'))).toEqual([
      `${ETC}fleet.service.d/10-coreup.conf`,
    ]);
    expect(started(state).sort()).toEqual(['start fleet.service', 'start fleet.socket']);
  });

  it('is the unit file of the user-data, if that has one', () => {
    const own = file(`${ETC}fleet.service`, '[Service]\nExecStart=/opt/fleetd\n');
    const { state } = adapt({ ...EMPTY_STATE, files: [own] }, EMPTY_HOST, BRINGS);
    expect(text(state, own.path)).toContain('/opt/fleetd');
  });
});

describe('a host that cannot run it', () => {
  it('has none and must', () => {
    expect(fleetRefusal({ ...WISH, enabled: true }, EMPTY_HOST)?.message).toMatch(/has no fleet/);
    expect(fleetRefusal(WISH, EMPTY_HOST)).toBeUndefined();
  });

  it('is another machine', () => {
    expect(fleetRefusal(BRINGS, host({ machine: 'aarch64' }))?.message).toBe(
      'is aarch64, and fleetd of fleet.source is a program for x86_64',
    );
    // With a fleet of its own it needs none of ours.
    expect(
      fleetRefusal(BRINGS, host({ machine: 'aarch64', ...unitAt('/usr/lib/systemd/system/fleet.service') })),
    ).toBeUndefined();
  });

  it('lacks the loader of a dynamically linked program', () => {
    const interpreter = '/lib/ld-musl-x86_64.so.1';
    const wish = { ...BRINGS, programs: { fleetd: program({ interpreter }), fleetctl: program() } };
    expect(fleetRefusal(wish, EMPTY_HOST)?.message).toBe(
      `has no ${interpreter}, which fleetd of fleet.source is linked with`,
    );
    expect(fleetRefusal(wish, host({ paths: new Map([[interpreter, seenPath()]]) }))).toBeUndefined();
  });
});

describe('the etcd that fleet is told', () => {
  const settings = (lines: string): HostState => ({
    ...EMPTY_STATE,
    files: [file(`${ETC}etcd2.service.d/20-cloudinit.conf`, `[Service]\n${lines}`)],
    commands: [command('start', 'etcd2.service')],
  });
  const member = (n: number): HostState =>
    settings(
      `Environment="ETCD_ADVERTISE_CLIENT_URLS=http://10.0.0.${n}:2379"\nEnvironment="ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379,http://0.0.0.0:4001"\n`,
    );
  const { members } = buildCluster({
    name: 'c',
    prefix: 'core',
    etcdMembers: 2,
    placements: [1, 2, 3].map((n) => ({ publicIpv4: `10.0.0.${n}`, privateIpv4: `10.0.0.${n}` })),
    metadata: {},
  });
  const serversOf = (third: HostState) => {
    const states = [member(1), member(2), third];
    const all = members.map((entry, index) => ({ member: entry, desired: states[index] ?? EMPTY_STATE }));
    return (index: number) => etcdServers(states[index] ?? EMPTY_STATE, all);
  };

  it('is its own first, then the other members', () => {
    expect(serversOf(EMPTY_STATE)(1)).toEqual(['http://127.0.0.1:2379', 'http://10.0.0.1:2379']);
  });

  it('is the members for a worker, and its proxy where it has one', () => {
    expect(serversOf(EMPTY_STATE)(2)).toEqual(['http://10.0.0.1:2379', 'http://10.0.0.2:2379']);
    const proxy = settings(
      'Environment="ETCD_PROXY=on"\nEnvironment="ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379"\n',
    );
    expect(serversOf(proxy)(2)).toEqual(['http://127.0.0.1:2379']);
  });
});
