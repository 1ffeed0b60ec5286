import { describe, expect, it } from '@jest/globals';
import type { HostState } from '../../../src/cluster/host-state.js';
import { adapt, BOOT_UNIT, etcdDirectories, etcdEnvironment, wantsEtcd } from '../../../src/plan/adapt.js';
import { bringsEtcdService } from '../../../src/plan/adapt-etcd.js';
import type { Observation } from '../../../src/plan/observation.js';
import { command, EMPTY_HOST, EMPTY_STATE, file, seenUnit, unit } from './support.js';

const state = (more: Partial<HostState>): HostState => ({ ...EMPTY_STATE, ...more });
const host = (more: Partial<Observation>): Observation => ({ ...EMPTY_HOST, ...more });
const text = (of: HostState, path: string): string => {
  const found = of.files.find((entry) => entry.path === path);
  return found ? Buffer.from(found.content).toString() : '';
};
const SERVICE = '/etc/systemd/system/etcd2.service';
const STARTS_ETCD = { commands: [command('start', 'etcd2.service')] };

describe('wantsEtcd', () => {
  it.each([
    ['starts it', STARTS_ETCD, true],
    ['restarts it', { commands: [command('restart', 'etcd2.service')] }, true],
    ['enables it', { units: [unit('etcd2.service', { enable: true })] }, true],
    ['stops it', { commands: [command('stop', 'etcd2.service')] }, false],
    ['only has its settings', { units: [unit('etcd2.service')] }, false],
    ['starts another', { commands: [command('start', 'etcd.service')] }, false],
  ])('of a cloud-config that %s', (_, given, wanted) => {
    expect(wantsEtcd(state(given))).toBe(wanted);
  });
});

describe('adapt, on a host without an etcd2.service', () => {
  it('adds one that runs the host’s own etcd, with its user and its directory', () => {
    const { state: adapted, notices } = adapt(state(STARTS_ETCD), EMPTY_HOST);
    expect(notices).toEqual([]);
    expect(text(adapted, SERVICE)).toMatch(/^ExecStart=\/usr\/bin\/etcd$/m);
    expect(text(adapted, SERVICE)).toMatch(/^User=etcd$/m);
    expect(text(adapted, SERVICE)).toMatch(/^Restart=always$/m);
    expect(adapted.users.map(({ name, system }) => [name, system])).toEqual([['etcd', true]]);
    expect(adapted.directories).toEqual([
      { path: '/var/lib/etcd2', mode: 0o700, owner: 'etcd:etcd', origin: { key: 'coreup' } },
    ]);
  });

  it.each([
    ['3.4.23', 4, true],
    ['3.5.16', 5, true],
    ['3.6.1', 6, false],
  ])('turns the v2 API on where etcd %s has it', (version, minor, on) => {
    const etcd = { path: '/opt/etcd', version: { major: 3, minor, text: version } };
    const { state: adapted } = adapt(state(STARTS_ETCD), host({ etcd }));
    expect(text(adapted, SERVICE).includes('Environment="ETCD_ENABLE_V2=true"')).toBe(on);
    expect(text(adapted, SERVICE)).toMatch(/^ExecStart=\/opt\/etcd$/m);
  });

  it('follows the data and WAL directories of the drop-ins', () => {
    const files = [
      file(
        `${SERVICE}.d/20-cloudinit.conf`,
        '[Service]\nEnvironment="ETCD_DATA_DIR=/a"\nEnvironment="ETCD_WAL_DIR=/w"\n',
      ),
      file(`${SERVICE}.d/30-more.conf`, '[Service]\nEnvironment=ETCD_DATA_DIR=/b\n'),
    ];
    const wanted = state({ ...STARTS_ETCD, files: files.reverse() });
    expect(etcdDirectories(wanted)).toEqual(['/b', '/w']);
    expect(adapt(wanted, EMPTY_HOST).state.directories.map(({ path }) => path)).toEqual(['/b', '/w']);
  });

  it('does not make a second user where the cloud-config makes one', () => {
    const user = { noCreateHome: true, groups: [], noUserGroup: false, system: true, noLogInit: false };
    const users = [{ ...user, name: 'etcd', origin: { key: 'users[0]' } }];
    expect(adapt(state({ ...STARTS_ETCD, users }), EMPTY_HOST).state.users).toEqual(users);
  });

  it('replaces its own one, so that it follows a new etcd', () => {
    const units = new Map([['etcd2.service', seenUnit({ fragment: SERVICE })]]);
    expect(text(adapt(state(STARTS_ETCD), host({ units })).state, SERVICE)).not.toBe('');
  });
});

describe('adapt adds no etcd2.service', () => {
  it.each<[string, Partial<HostState>, Partial<Observation>]>([
    [
      'where the host brings one',
      STARTS_ETCD,
      { units: new Map([['etcd2.service', seenUnit({ fragment: '/usr/lib/systemd/system/etcd2.service' })]]) },
    ],
    ['where nothing starts it', {}, {}],
    ['where there is no etcd to run', STARTS_ETCD, { etcd: undefined }],
    [
      'for an etcd that does not tell its version',
      STARTS_ETCD,
      { etcd: { path: '/usr/bin/etcd', version: undefined } },
    ],
  ])('%s', (_, given, seen) => {
    const { state: adapted } = adapt(state(given), host(seen));
    expect([adapted.files, adapted.users, adapted.directories].map((list) => list.length)).toEqual(
      given.commands ? [1, 0, 0] : [0, 0, 0],
    );
    expect(text(adapted, SERVICE)).toBe('');
  });

  it('where the user-data has its own', () => {
    const own = file(SERVICE, '[Service]\nExecStart=/my/etcd\n');
    const { state: adapted } = adapt(state({ ...STARTS_ETCD, files: [own] }), EMPTY_HOST);
    expect(text(adapted, SERVICE)).toContain('/my/etcd');
    expect(adapted.users).toEqual([]);
  });

  it('bringsEtcdService tells the host’s from coreup’s', () => {
    const seen = (fragment: string): Observation =>
      host({ units: new Map([['etcd2.service', seenUnit({ fragment })]]) });
    expect(bringsEtcdService(seen('/usr/lib/systemd/system/etcd2.service'))).toBe(true);
    expect(bringsEtcdService(seen(SERVICE))).toBe(false);
    expect(bringsEtcdService(seen(''))).toBe(false);
    expect(bringsEtcdService(EMPTY_HOST)).toBe(false);
  });
});

describe('adapt and the commands that CoreOS repeats at every boot', () => {
  const lines = (given: Partial<HostState>): string[] =>
    text(adapt(state(given), EMPTY_HOST).state, `/etc/systemd/system/${BOOT_UNIT}`)
      .split('\n')
      .filter((line) => line.startsWith('ExecStart='));

  it('adds no unit where all that is started is enabled', () => {
    const given = { ...STARTS_ETCD, units: [unit('etcd2.service', { enable: true })] };
    const { state: adapted } = adapt(state(given), EMPTY_HOST);
    expect(lines(given)).toEqual([]);
    expect(adapted.units.map(({ name }) => name)).not.toContain(BOOT_UNIT);
  });

  it('repeats the others in order, and enables the unit that does it', () => {
    const given = {
      units: [unit('a.service', { enable: true })],
      commands: [
        command('start', 'a.service'),
        command('restart', 'a.service'),
        command('start', 'b.service'),
        command('stop', 'c.service'),
      ],
    };
    expect(lines(given)).toEqual([
      'ExecStart=-/bin/systemctl --no-block restart -- a.service',
      'ExecStart=-/bin/systemctl --no-block start -- b.service',
      'ExecStart=-/bin/systemctl --no-block stop -- c.service',
    ]);
    expect(adapt(state(given), EMPTY_HOST).state.units.at(-1)).toMatchObject({ name: BOOT_UNIT, enable: true });
  });

  it('escapes what systemd would unescape in a unit’s name', () => {
    expect(lines({ commands: [command('start', 'mnt-my\\x2ddisk.mount')] })).toEqual([
      'ExecStart=-/bin/systemctl --no-block start -- mnt-my\\\\x2ddisk.mount',
    ]);
  });
});

describe('adapt and fleet', () => {
  const fleet = {
    units: [unit('fleet.service', { enable: true }), unit('a.service')],
    commands: [command('start', 'fleet.service'), command('start', 'a.service')],
    files: [file('/etc/systemd/system/fleet.service.d/20-cloudinit.conf')],
  };

  it('leaves it out where the host has none, says so, and keeps its settings', () => {
    const { state: adapted, notices } = adapt(state(fleet), EMPTY_HOST);
    expect(notices).toEqual([expect.stringContaining('has no fleet')]);
    expect(adapted.commands.map((entry) => entry.unit)).toEqual(['a.service']);
    expect(adapted.units.map(({ name }) => name)).not.toContain('fleet.service');
    expect(adapted.files).toContainEqual(fleet.files[0]);
  });

  it.each<[string, Partial<HostState>, Partial<Observation>]>([
    ['has fleet', fleet, { units: new Map([['fleet.service', seenUnit()]]) }],
    ['is given one', { ...fleet, files: [file('/etc/systemd/system/fleet.service')] }, {}],
  ])('starts it on a host that %s', (_, given, seen) => {
    const { state: adapted, notices } = adapt(state(given), host(seen));
    expect(notices).toEqual([]);
    expect(adapted.commands.map((entry) => entry.unit)).toEqual(['fleet.service', 'a.service']);
  });

  it('says nothing where nobody asks for it', () => {
    expect(adapt(state({ files: fleet.files }), EMPTY_HOST).notices).toEqual([]);
  });
});

describe('etcdEnvironment', () => {
  const read = (...contents: string[]): object =>
    Object.fromEntries(
      etcdEnvironment(state({ files: contents.map((content, index) => file(`${SERVICE}.d/${index}.conf`, content)) })),
    );

  it('reads what coreos-cloudinit writes, unescaped as it is', () => {
    expect(
      read(
        '[Service]\nEnvironment="ETCD_NAME=core-01"\nEnvironment="ETCD_INITIAL_CLUSTER=a=http://x:1,b=http://y:2"\n',
      ),
    ).toEqual({
      ETCD_NAME: 'core-01',
      ETCD_INITIAL_CLUSTER: 'a=http://x:1,b=http://y:2',
    });
  });

  it('lets later drop-ins win, and later lines', () => {
    expect(read('Environment="A=1"\nEnvironment="A=2"\nEnvironment="B=1"\n', 'Environment=B=3')).toEqual({
      A: '2',
      B: '3',
    });
  });

  it('reads several assignments on one line, as people write them (systemd.exec(5))', () => {
    expect(read('Environment="A=1 x" B=2 \'C=3\'\n')).toEqual({ A: '1 x', B: '2', C: '3' });
  });

  it('forgets what an empty assignment resets', () => {
    expect(read('Environment="A=1"\n', '[Service]\nEnvironment=\nEnvironment=B=2\n')).toEqual({ B: '2' });
  });

  it('takes no notice of other units and comments', () => {
    const files = [
      file('/etc/systemd/system/other.service.d/x.conf', 'Environment="A=1"'),
      file(`${SERVICE}.d/x.conf`, '#Environment="B=1"\n'),
    ];
    expect(etcdEnvironment(state({ files })).size).toBe(0);
  });
});
