import { describe, expect, it } from '@jest/globals';
import type { HostState } from '../../../src/cluster/host-state.js';
import { diff, type Identity } from '../../../src/plan/diff.js';
import type { Manifest } from '../../../src/plan/manifest.js';
import type { Observation } from '../../../src/plan/observation.js';
import { allSteps, restarts, type HostPlan, type Step } from '../../../src/plan/step.js';
import {
  command,
  EMPTY_HOST,
  EMPTY_MANIFEST,
  EMPTY_STATE,
  file,
  ORIGIN,
  seenFile,
  seenPath,
  seenUnit,
  sha256,
  unit,
  user,
} from './support.js';

const IDENTITY: Identity = { cluster: 'c', member: 'core-01', userData: 'digest' };
const MANIFEST = EMPTY_MANIFEST;
const DROP_IN = '/etc/systemd/system/etcd2.service.d/20-cloudinit.conf';

function compare(desired: Partial<HostState>, observed: Partial<Observation> = {}, identity = IDENTITY): HostPlan {
  return diff({ ...EMPTY_STATE, ...desired }, { ...EMPTY_HOST, ...observed }, identity);
}

/** The steps without the records around them, as `kind target: reason`. */
function told(plan: HostPlan | readonly Step[]): string[] {
  const steps = 'apply' in plan ? allSteps(plan) : plan;
  return steps
    .filter((step) => step.kind !== 'record')
    .map((step) => {
      const verb = step.action.kind === 'unit-command' ? ` ${step.action.verb}` : '';
      return `${step.kind}${verb} ${step.target}: ${step.reason}`;
    });
}

function records(plan: HostPlan): Manifest[] {
  return allSteps(plan).flatMap(({ action }) => (action.kind === 'record' ? [action.manifest] : []));
}

describe('diff', () => {
  it('makes no step where nothing differs', () => {
    const drop = file(DROP_IN);
    const plan = compare(
      {
        hostname: 'host',
        files: [drop],
        units: [unit('etcd2.service', { enable: true }), unit('m.service', { mask: true })],
        commands: [command('start', 'etcd2.service'), command('stop', 'b.service'), command('reload', 'c.service')],
      },
      {
        paths: new Map([[DROP_IN, seenFile(drop)]]),
        units: new Map([
          ['etcd2.service', seenUnit({ active: 'active', fileState: 'enabled' })],
          ['m.service', seenUnit({ load: 'masked' })],
          ['b.service', seenUnit()],
        ]),
        manifest: {
          ...MANIFEST,
          files: { [DROP_IN]: sha256(drop.content) },
          enabled: ['etcd2.service'],
          masked: ['m.service'],
        },
      },
    );
    expect(plan).toEqual({ apply: [], finish: [] });
  });

  it('only remembers where a comment of the user-data has changed', () => {
    const plan = compare({}, { manifest: { ...MANIFEST, userData: 'other' } });
    expect(told(plan)).toEqual([]);
    expect(records(plan)).toEqual([MANIFEST]);
  });

  it('takes a host over that is as wanted but has no manifest', () => {
    expect(records(compare({}))).toEqual([MANIFEST]);
  });

  it('orders the steps as coreos-cloudinit has its effects', () => {
    const plan = compare(
      {
        hostname: 'core-01',
        users: [user('u', { passwordHash: 'h' })],
        authorizedKeys: [{ user: 'core', keys: ['k'], origin: ORIGIN }],
        directories: [{ path: '/var/lib/etcd2', mode: 0o700, owner: 'etcd:etcd', origin: ORIGIN }],
        files: [file(DROP_IN)],
        units: [unit('m.service', { mask: true }), unit('etcd2.service', { enable: true })],
        commands: [
          command('start', 'a.service'),
          command('start', 'etcd2.service'),
          command('start', 'fleet.service'),
          command('restart', 'b.service'),
        ],
      },
      {
        manifest: { ...MANIFEST, userData: 'old', files: { '/etc/old': 'sum' }, enabled: ['gone.service'] },
        paths: new Map([['/etc/old', seenPath({ sha256: 'sum' })]]),
      },
    );
    expect(allSteps(plan).map((step) => `${step.kind} ${step.target}`)).toEqual([
      'record manifest',
      'hostname core-01',
      'user-create u',
      'user-password u',
      'authorized-keys core',
      'directory /var/lib/etcd2',
      'unit-disable gone.service',
      `file-write ${DROP_IN}`,
      'file-remove /etc/old',
      'unit-mask m.service',
      'unit-enable etcd2.service',
      'daemon-reload systemd',
      'unit-command a.service',
      'unit-command etcd2.service',
      'unit-command fleet.service',
      'unit-command b.service',
      'record manifest',
    ]);
    // Two stages: what comes after etcd waits for the cluster, and so does the record that all is done.
    expect(plan.finish.map((step) => step.target)).toEqual(['fleet.service', 'b.service', 'manifest']);
  });

  it('runs everything in the first stage where etcd need not be touched', () => {
    const { apply, finish } = compare(
      { commands: [command('start', 'etcd2.service'), command('start', 'b.service')] },
      { units: new Map([['etcd2.service', seenUnit({ active: 'active' })]]) },
    );
    expect(told(apply)).toEqual(['unit-command start b.service: is inactive']);
    expect(finish).toEqual([]);
  });

  it('leaves fleet to the second stage in any case: it needs a healthy etcd', () => {
    const { apply, finish } = compare(
      { commands: [command('start', 'fleet.service'), command('start', 'etcd2.service')] },
      { units: new Map([['etcd2.service', seenUnit({ active: 'active' })]]) },
    );
    expect(told(apply)).toEqual([]);
    expect(told(finish)).toEqual(['unit-command start fleet.service: is inactive']);
  });

  it('never waits for etcd, and waits for every other unit', () => {
    const { apply, finish } = compare({
      commands: [command('start', 'etcd2.service'), command('restart', 'a.service')],
    });
    const waits = [...apply, ...finish].flatMap(({ action }) => (action.kind === 'unit-command' ? [action.wait] : []));
    expect(waits).toEqual([false, true]);
  });
});

describe('hostname, users and keys', () => {
  const there = (passwordHash: string): Partial<Observation> => ({
    users: new Map([['u', { home: '/home/u', passwordHash, authorizedKeys: ['ssh-rsa A a@b', '  ssh-rsa B '] }]]),
  });

  it('changes another name, and leaves it alone where none is wanted', () => {
    expect(told(compare({ hostname: 'a' }))).toEqual(['hostname a: the host is called host']);
    expect(told(compare({ hostname: null }))).toEqual([]);
  });

  it('of an existing user sets only the password', () => {
    const wanted = { users: [user('u', { passwordHash: 'h', shell: '/bin/zsh' })] };
    expect(told(compare(wanted))).toEqual(['user-create u: there is no such user', 'user-password u: the user is new']);
    expect(told(compare(wanted, there('x')))).toEqual(['user-password u: has another password']);
    expect(told(compare(wanted, there('h')))).toEqual([]);
    expect(told(compare({ users: [user('u')] }, there('x')))).toEqual([]);
  });

  it('adds keys that are missing, and takes none away', () => {
    const keys = (...wanted: string[]): Partial<HostState> => ({
      authorizedKeys: [{ user: 'u', keys: wanted, origin: ORIGIN }],
    });
    const plan = compare(keys('ssh-rsa B', ' ssh-rsa C\n', ''), there(''));
    expect(told(plan)).toEqual(['authorized-keys u: 1 key(s) may not log in yet']);
    expect(plan.apply.map(({ action }) => action)).toContainEqual({
      kind: 'authorized-keys',
      user: 'u',
      add: ['ssh-rsa C'],
      remove: [],
    });
    expect(told(compare(keys('ssh-rsa A a@b', 'ssh-rsa B'), there('')))).toEqual([]);
  });
});

describe('files and directories', () => {
  const wanted = file('/etc/f', 'content', { owner: 'core:wheel', mode: 0o640 });
  const owned = { user: 'core', group: 'wheel', uid: 500, gid: 10 };

  it.each([
    ['is missing', undefined],
    ['is a directory, not a file', seenPath({ type: 'directory' })],
    ['is a symbolic link; the link is replaced, not what it leads to', seenPath({ type: 'link' })],
    ['has other content', seenFile(wanted, { ...owned, sha256: sha256('other') })],
    ['has mode 0644', seenFile(wanted, { ...owned, mode: 0o644 })],
    ['has mode 4640', seenFile(wanted, { ...owned, mode: 0o4640 })],
    ['belongs to root:wheel', seenFile(wanted, { ...owned, user: 'root', uid: 0 })],
    ['belongs to core:core', seenFile(wanted, { ...owned, group: 'core', gid: 500 })],
  ])('writes a file that %s', (reason, seen) => {
    const paths = new Map(seen ? [['/etc/f', seen]] : []);
    expect(told(compare({ files: [wanted] }, { paths }))).toEqual([`file-write /etc/f: ${reason}`]);
  });

  it.each(['core:wheel', 'core', 'core:', ':wheel', '500:10', '500', 'core:10', 'core.wheel'])(
    'is content with the owner %s as it is',
    (owner) => {
      const paths = new Map([['/etc/f', seenFile(wanted, owned)]]);
      expect(told(compare({ files: [{ ...wanted, owner }] }, { paths }))).toEqual([]);
    },
  );

  it('of two entries for one path takes the later', () => {
    const plan = compare({ files: [file('/etc/f', 'first'), file('/etc/g'), file('/etc/f', 'second')] });
    const written = plan.apply.flatMap(({ action }) =>
      action.kind === 'file-write' ? [Buffer.from(action.file.content).toString()] : [],
    );
    expect(written).toEqual(['second', '/etc/g\n']);
    expect(records(plan).at(-1)?.files['/etc/f']).toBe(sha256('second'));
  });

  it('takes away what only an earlier user-data had, and only that', () => {
    const manifest = { ...MANIFEST, files: { '/etc/f': 'x', '/etc/old': 'sum', '/etc/gone': 'sum' } };
    const paths = new Map([
      ['/etc/f', seenFile(wanted, owned)],
      ['/etc/old', seenPath({ sha256: 'sum' })],
    ]);
    const plan = compare({ files: [wanted] }, { manifest, paths });
    expect(told(plan)).toEqual(['file-remove /etc/old: is no longer in the user-data']);
    expect(plan.apply.map(({ action }) => action)).toContainEqual({
      kind: 'file-remove',
      path: '/etc/old',
      sha256: ['sum'],
    });
  });

  it.each([
    ['is missing', undefined],
    ['is a file, not a directory', seenPath()],
    ['has mode 0755', seenPath({ type: 'directory', mode: 0o755, user: 'etcd', group: 'etcd' })],
    ['belongs to root:root', seenPath({ type: 'directory', mode: 0o700 })],
  ])('mends a directory that %s', (reason, seen) => {
    const directories = [{ path: '/d', mode: 0o700, owner: 'etcd:etcd', origin: ORIGIN }];
    const paths = new Map(seen ? [['/d', seen]] : []);
    expect(told(compare({ directories }, { paths }))).toEqual([`directory /d: ${reason}`]);
  });
});

describe('unit files', () => {
  const RELOAD = 'daemon-reload systemd: unit files change';

  it('are reloaded when one changes, and not for other files', () => {
    expect(told(compare({ files: [file(DROP_IN)] }))).toContain(RELOAD);
    expect(told(compare({ files: [file('/etc/f')] }))).not.toContain(RELOAD);
  });

  it.each(['enabled', 'enabled-runtime', 'static', 'indirect', 'generated', 'alias'])(
    'in state %s need not be enabled',
    (fileState) => {
      const units = new Map([['a.service', seenUnit({ fileState })]]);
      expect(told(compare({ units: [unit('a.service', { enable: true })] }, { units }))).toEqual([]);
    },
  );

  it.each(['disabled', '', 'masked', 'linked'])('in state "%s" are enabled', (fileState) => {
    const units = new Map([['a.service', seenUnit({ fileState })]]);
    const plan = compare({ units: [unit('a.service', { enable: true })] }, { units });
    expect(told(plan)).toEqual(['unit-enable a.service: is not enabled', RELOAD]);
  });

  it('are masked and unmasked', () => {
    const masked = new Map([['a.service', seenUnit({ load: 'masked' })]]);
    expect(told(compare({ units: [unit('a.service', { mask: true })] }))[0]).toBe('unit-mask a.service: is not masked');
    const other = { units: masked, manifest: MANIFEST };
    expect(told(compare({ units: [unit('a.service')] }, other))).toEqual([]);
    const runtime = new Map([['a.service', seenUnit({ load: 'masked', fileState: 'masked-runtime' })]]);
    expect(told(compare({ units: [unit('a.service', { runtime: true })] }, { units: runtime }))[0]).toBe(
      'unit-unmask a.service: is masked',
    );
    const manifest = { ...MANIFEST, masked: ['a.service'] };
    expect(told(compare({ units: [unit('a.service')] }, { units: masked, manifest }))[0]).toBe(
      'unit-unmask a.service: is masked',
    );
    expect(told(compare({}, { units: masked, manifest }))).toEqual([
      'unit-unmask a.service: is no longer in the user-data',
      RELOAD,
    ]);
  });

  it('are not written where the mask goes, nor enabled there', () => {
    const path = '/etc/systemd/system/a.service';
    const desired = { files: [file(path)], units: [unit('a.service', { mask: true, enable: true })] };
    const plan = compare(desired);
    expect(told(plan)).toEqual(['unit-mask a.service: is not masked', RELOAD]);
    expect(records(plan).at(-1)).toMatchObject({ files: {}, enabled: [], masked: ['a.service'] });
  });

  it('of two entries for one unit follow the later mask', () => {
    const units = [unit('a.service', { mask: true }), unit('a.service', { enable: true })];
    expect(told(compare({ units }))).toEqual(['unit-enable a.service: is not enabled', RELOAD]);
  });

  it('that coreup enabled are disabled when the user-data no longer does', () => {
    const manifest = { ...MANIFEST, enabled: ['a.service', 'b.service'] };
    const units = [unit('a.service'), unit('b.service', { enable: true })];
    const seen = new Map([['b.service', seenUnit({ fileState: 'enabled' })]]);
    expect(told(compare({ units }, { manifest, units: seen }))).toEqual([
      'unit-disable a.service: is no longer enabled by the user-data',
      RELOAD,
    ]);
  });
});

describe('commands', () => {
  const start = { commands: [command('start', 'a.service')] };
  const seen = (more: Parameters<typeof seenUnit>[0]): Partial<Observation> => ({
    units: new Map([['a.service', seenUnit(more)]]),
    manifest: MANIFEST,
  });

  it.each(['inactive', 'failed', 'deactivating'])('start a unit that is %s', (active) => {
    expect(told(compare(start, seen({ active })))).toEqual([`unit-command start a.service: is ${active}`]);
  });

  it.each(['active', 'activating', 'reloading'])('do not start one that is %s', (active) => {
    expect(told(compare(start, seen({ active })))).toEqual([]);
  });

  it.each(['/etc/systemd/system/a.service', '/etc/systemd/system/a.service.d/x.conf'])(
    'restart a unit that runs without %s as it is now',
    (path) => {
      const plan = compare({ ...start, files: [file(path)] }, seen({ active: 'active' }));
      expect(told(plan).at(-1)).toBe('unit-command restart a.service: runs with files that have changed');
      expect(restarts(plan, 'a.service')).toBe(true);
    },
  );

  it('restart it too when a drop-in goes, and not for files of other units', () => {
    const dropped = { ...MANIFEST, files: { '/etc/systemd/system/a.service.d/x.conf': 's' } };
    const paths = new Map([['/etc/systemd/system/a.service.d/x.conf', seenPath({ sha256: 's' })]]);
    const plan = compare(start, { ...seen({ active: 'active' }), manifest: dropped, paths });
    expect(restarts(plan, 'a.service')).toBe(true);
    const other = compare({ ...start, files: [file('/etc/systemd/system/b.service')] }, seen({ active: 'active' }));
    expect(restarts(other, 'a.service')).toBe(false);
  });

  it.each(['redis@.service', 'redis@.service.d/x.conf', 'redis@1.service.d/x.conf'])(
    'restart an instance when %s changes',
    (name) => {
      const plan = compare(
        { commands: [command('start', 'redis@1.service')], files: [file(`/etc/systemd/system/${name}`)] },
        { units: new Map([['redis@1.service', seenUnit({ active: 'active' })]]) },
      );
      expect(restarts(plan, 'redis@1.service')).toBe(true);
    },
  );

  it('stop only what runs', () => {
    const stop = { commands: [command('stop', 'a.service')] };
    expect(told(compare(stop, seen({ active: 'active' })))).toEqual(['unit-command stop a.service: is active']);
    expect(told(compare(stop, seen({ active: 'inactive' })))).toEqual([]);
  });

  it.each(['restart', 'reload', 'try-restart', 'reload-or-restart', 'reload-or-try-restart'] as const)(
    '%s once for each user-data',
    (verb) => {
      const desired = { commands: [command(verb, 'a.service')] };
      const again = [`unit-command ${verb} a.service: the user-data is new on this host`];
      expect(told(compare(desired, seen({ active: 'active' })))).toEqual([]);
      expect(told(compare(desired, seen({ active: 'active' }), { ...IDENTITY, userData: 'new' }))).toEqual(again);
      expect(told(compare(desired))).toEqual(again);
    },
  );

  it('run a oneshot unit once for each user-data, and again when it has failed', () => {
    const done = { type: 'oneshot', active: 'inactive' };
    expect(told(compare(start, seen(done)))).toEqual([]);
    expect(told(compare(start, seen({ ...done, active: 'failed' })))).toHaveLength(1);
    expect(told(compare(start, seen(done), { ...IDENTITY, userData: 'new' }))).toHaveLength(1);
    expect(told(compare(start, { units: new Map([['a.service', seenUnit(done)]]) }))).toHaveLength(1);
  });
});

describe('after an apply that was cut short', () => {
  const drop = file('/etc/systemd/system/a.service.d/x.conf');
  const desired = {
    files: [drop, file('/etc/f')],
    commands: [command('start', 'a.service'), command('start', 'b.service')],
  };
  const running = new Map([['a.service', seenUnit({ active: 'active' })]]);

  it('a unit that still runs with old files is restarted, after systemd has reloaded', () => {
    const old: [string, ReturnType<typeof seenPath>] = ['/etc/old', seenPath({ sha256: 's' })];
    const first = compare(desired, {
      units: running,
      manifest: { ...MANIFEST, files: { '/etc/old': 's' } },
      paths: new Map([old]),
    });
    const [intent] = records(first);
    expect(intent).toEqual({
      ...MANIFEST,
      userData: '',
      files: { '/etc/old': 's', [drop.path]: sha256(drop.content), '/etc/f': sha256('/etc/f\n') },
      directories: ['/etc/systemd', '/etc/systemd/system', '/etc/systemd/system/a.service.d'],
      pending: ['a.service'],
    });
    if (!intent) return;
    const paths = new Map([old, ...desired.files.map((entry) => [entry.path, seenFile(entry)] as const)]);
    expect(told(compare(desired, { units: running, manifest: intent, paths }))).toEqual([
      'file-remove /etc/old: is no longer in the user-data',
      'daemon-reload systemd: the last apply was cut short',
      'unit-command restart a.service: runs with files that have changed',
      'unit-command start b.service: is inactive',
    ]);
  });

  it('a unit that was only started is left running', () => {
    const idle = new Map(['a.service', 'b.service'].map((name) => [name, seenUnit()]));
    const [intent] = records(compare(desired, { units: idle }));
    expect(intent?.pending).toEqual([]);
    if (!intent) return;
    const paths = new Map(desired.files.map((entry) => [entry.path, seenFile(entry)]));
    const units = new Map(['a.service', 'b.service'].map((name) => [name, seenUnit({ active: 'active' })]));
    const second = compare(desired, { units, manifest: intent, paths });
    expect(told(second)).toEqual(['daemon-reload systemd: the last apply was cut short']);
    expect(records(second).at(-1)).toMatchObject({ userData: 'digest', pending: [] });
  });

  it('a running unit that no command restarts is remembered until one does', () => {
    const [, final] = records(compare({ files: [drop] }, { units: running }));
    expect(final?.pending).toEqual(['a.service']);
    if (!final) return;
    const host = { units: running, manifest: final, paths: new Map([[drop.path, seenFile(drop)]]) };
    expect(compare({ files: [drop] }, host)).toEqual({ apply: [], finish: [] });
    const restart = compare({ files: [drop], commands: [command('start', 'a.service')] }, host);
    expect(told(restart)).toEqual(['unit-command restart a.service: runs with files that have changed']);
    expect(records(restart).at(-1)?.pending).toEqual([]);
  });

  it('everything that was ever coreup’s is remembered until the end', () => {
    const manifest = { ...MANIFEST, enabled: ['old.service'], masked: ['oldmask.service'] };
    const units = [unit('new.service', { enable: true }), unit('newmask.service', { mask: true })];
    const [intent, final] = records(compare({ units }, { manifest }));
    expect(intent).toMatchObject({
      enabled: ['old.service', 'new.service'],
      masked: ['oldmask.service', 'newmask.service'],
    });
    expect(final).toMatchObject({ enabled: ['new.service'], masked: ['newmask.service'] });
  });
});
