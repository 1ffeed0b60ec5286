import { describe, expect, it } from '@jest/globals';
import { parseEtcdVersion } from '../../../src/etcd/version.js';
import { adapt } from '../../../src/plan/adapt.js';
import { chosenEtcd, etcdRefusal, type EtcdWish } from '../../../src/plan/adapt-etcd.js';
import { diff } from '../../../src/plan/diff.js';
import type { Observation } from '../../../src/plan/observation.js';
import { allSteps } from '../../../src/plan/step.js';
import { stepScript } from '../../../src/plan/script.js';
import { command, EMPTY_HOST, EMPTY_MANIFEST, EMPTY_STATE, runShell, seenUnit, standIns } from './support.js';

const BROUGHT = '/usr/local/bin/etcd';
const PACKAGED = '/usr/bin/etcd';
const etcd = (path: string, version: string) => ({ path, version: parseEtcdVersion(version) });
const program = { content: Buffer.from('x'), sha256: 'abc', machine: 'x86_64' };
const programs = (version?: string): EtcdWish => ({
  kind: 'programs',
  programs: { etcd: program, etcdctl: program },
  version: version === undefined ? undefined : parseEtcdVersion(version),
});
const PACKAGE: EtcdWish = { kind: 'package' };
const host = (more: Partial<Observation>): Observation => ({ ...EMPTY_HOST, ...more });
const bare = (more: Partial<Observation> = {}): Observation => host({ etcd: undefined, ...more });
const mine = { ...EMPTY_MANIFEST, files: { [BROUGHT]: 'sum' } };
const STATE = { ...EMPTY_STATE, commands: [command('start', 'etcd2.service')] };

describe('the etcd that a host is to run', () => {
  it.each<[string, EtcdWish | undefined, Observation, string | undefined]>([
    ["is the host's own", undefined, EMPTY_HOST, 'host /usr/bin/etcd 3.4.23'],
    ['is none where there is none', { kind: 'system' }, bare(), undefined],
    ['is the one of config.ts before the own', programs('3.5.16'), EMPTY_HOST, 'programs /usr/local/bin/etcd 3.5.16'],
    [
      'is not what an earlier source has brought',
      undefined,
      bare({ etcd: etcd(BROUGHT, '3.5.1'), manifest: mine }),
      undefined,
    ],
    [
      'is the own again, when the source is gone from config.ts',
      undefined,
      host({ etcd: etcd(BROUGHT, '3.5.1'), hiddenEtcd: etcd(PACKAGED, '3.4.23'), manifest: mine }),
      'host /usr/bin/etcd 3.4.23',
    ],
    [
      'stays one that somebody has put there',
      undefined,
      host({ etcd: etcd(BROUGHT, '3.5.1') }),
      'host /usr/local/bin/etcd 3.5.1',
    ],
    [
      'is the present one where a package is wanted',
      PACKAGE,
      host({ apt: { candidate: '3.5.1-2' } }),
      'host /usr/bin/etcd 3.4.23',
    ],
    [
      'is the one that apt knows',
      PACKAGE,
      bare({ apt: { candidate: '1:3.5.16+dfsg-4' } }),
      'package /usr/bin/etcd 3.5.16',
    ],
    [
      'is that of the release where apt knows none yet',
      PACKAGE,
      bare({ apt: { candidate: '' } }),
      'package /usr/bin/etcd 3.4.23',
    ],
    ['is none without apt', PACKAGE, bare(), undefined],
    [
      'stays that of a unit of the host',
      programs('3.5.16'),
      host({ units: new Map([['etcd2.service', seenUnit({ fragment: '/usr/lib/systemd/system/etcd2.service' })]]) }),
      'host /usr/bin/etcd 3.4.23',
    ],
  ])('%s', (_, wish, seen, expected) => {
    const found = chosenEtcd(wish, seen);
    expect(found && `${found.origin} ${found.path} ${found.version?.text}`).toBe(expected);
  });
});

describe('a host that cannot run it', () => {
  const data = { data: ['/var/lib/etcd2'] };
  it.each<[EtcdWish | undefined, Observation, string | undefined]>([
    [undefined, EMPTY_HOST, undefined],
    [undefined, bare(), 'has no etcd, and etcd.source does not say where to get one'],
    [PACKAGE, bare(), "has no etcd and no apt-get, and etcd.source is 'package'"],
    [
      PACKAGE,
      bare({ apt: { candidate: '' }, os: { id: 'ubuntu', version: '24.04' } }),
      'does not know which etcd its distribution has',
    ],
    [
      PACKAGE,
      bare({ apt: { candidate: '3.3.25+dfsg-7' } }),
      'would get an etcd that coreup does not know how to verify (3.3.25)',
    ],
    [programs('3.5.16'), bare({ machine: 'aarch64' }), 'is aarch64, and etcd of etcd.source is a program for x86_64'],
    [programs('3.5.16'), host(data), undefined],
    [programs('3.6.1'), host(data), 'has data of etcd 3.4.23, and etcd 3.6.1 is more than one minor version later'],
    [programs('3.6.1'), EMPTY_HOST, undefined],
    [
      programs('3.4.23'),
      host({ ...data, etcd: etcd(BROUGHT, '3.5.16') }),
      'has data of etcd 3.5.16, which etcd 3.4.23 cannot read',
    ],
  ])('%#', (wish, seen, message) => {
    expect(etcdRefusal(wish, seen)?.message).toBe(message);
  });
});

describe('what a host gets', () => {
  const identity = { cluster: 'c', member: 'core-01', userData: 'digest' };
  const stepsFor = (wish: EtcdWish | undefined, seen: Observation): string[] =>
    allSteps(diff(adapt(STATE, seen, undefined, wish).state, seen, identity)).map(
      ({ kind, target }) => `${kind} ${target}`,
    );

  it('is programs and a unit that runs them; another program is another unit, and a restart', () => {
    const { files } = adapt(STATE, EMPTY_HOST, undefined, programs('3.5.16')).state;
    expect(files.slice(0, 2).map(({ path, mode }) => [path, mode])).toEqual([
      [BROUGHT, 0o755],
      ['/usr/local/bin/etcdctl', 0o755],
    ]);
    expect(Buffer.from(files[2]?.content ?? '').toString()).toMatch(
      /sha256 of etcd: abc[^]*\nExecStart=\/usr\/local\/bin\/etcd\n/,
    );
  });

  it('is the package, after the user that both would make', () => {
    const steps = stepsFor(PACKAGE, bare({ apt: { candidate: '' } }));
    expect(steps.slice(0, 3)).toEqual([
      'record manifest',
      'user-create etcd',
      'package-install etcd-server etcd-client',
    ]);
  });

  it("has no unit of Debian's beside it, neither now nor at the next boot", () => {
    const units = new Map([['etcd.service', seenUnit({ active: 'active', fileState: 'enabled' })]]);
    const steps = stepsFor(undefined, host({ units }));
    expect(steps).toEqual(expect.arrayContaining(['unit-retire etcd.service', 'unit-disable etcd.service']));
    expect(stepsFor(undefined, EMPTY_HOST).join()).not.toContain('etcd.service,');
  });
});

describe('the installation', () => {
  const install = (standing: Record<string, string>) => {
    const action = {
      kind: 'package-install',
      names: ['a', 'b'],
      unit: 'etcd.service',
      program: 'etcd',
      version: '3.4',
    } as const;
    const { text } = stepScript([{ kind: action.kind, target: 'a b', reason: '', action }]);
    const log = 'echo "${0##*/} $*" >&3';
    const systemctl = `${log}; [ "$1" != is-enabled ] || echo "$ENABLED"`;
    const path = standIns({ 'apt-get': log, systemctl, etcd: 'echo "etcd Version: 3.4.23"', ...standing });
    const { stdout, stderr } = runShell(`exec 3>&2\n${text}`, { path });
    return { stdout, called: stderr.split('\n').map((line) => line.replace(/ -yq -o \S+/, '')) };
  };

  it('masks the unit meanwhile, asks nothing, and removes nothing', () => {
    expect(install({}).called).toEqual([
      'systemctl is-enabled -- etcd.service',
      'systemctl mask -- etcd.service',
      'apt-get install --no-install-recommends --no-remove -- a b',
      'systemctl unmask -- etcd.service',
      '',
    ]);
  });

  it('renews the package lists where it did not go without, and says what apt says', () => {
    const { stdout, called } = install({
      'apt-get': 'echo "apt-get $*" >&3; echo noise; echo "E: no such package"; exit 100',
    });
    expect(stdout).toBe('E: no such package\nE: no such package\x1e0 100\n');
    expect(called.filter((line) => line.startsWith('apt-get')).map((line) => line.split(' ')[1])).toEqual([
      'install',
      'update',
      'install',
    ]);
    expect(called.at(-2)).toBe('systemctl unmask -- etcd.service');
  });

  it("leaves somebody's mask", () => {
    expect(install({ systemctl: 'echo "systemctl $*" >&3; echo masked' }).called.join()).not.toContain('unmask');
  });

  it('fails where another version came than the rest was made for', () => {
    expect(install({ etcd: 'echo "etcd Version: 3.5.16"' }).stdout).toMatch(
      /brought another version .* 3\.4: .*3\.5\.16/,
    );
  });
});
