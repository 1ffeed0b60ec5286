import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { HostState } from '../../../src/cluster/host-state.js';
import { diff } from '../../../src/plan/diff.js';
import { adopt, overriding, overwritten, withAdoption } from '../../../src/plan/foreign.js';
import type { Observation } from '../../../src/plan/observation.js';
import { followUp, questionFor } from '../../../src/plan/question.js';
import { stepScript } from '../../../src/plan/script.js';
import { allSteps, step } from '../../../src/plan/step.js';
import {
  command,
  EMPTY_HOST,
  EMPTY_MANIFEST,
  EMPTY_STATE,
  file,
  runShell,
  seenPath,
  seenUnit,
  temporary,
  unit,
} from './support.js';

const ID = { cluster: 'c', member: 'core-01', userData: 'digest' };
const DROP_INS = '/etc/systemd/system/etcd2.service.d';
const OWN = file(`${DROP_INS}/20-cloudinit.conf`, '[Service]\nEnvironment="ETCD_NAME=core-01" "ETCD_DEBUG=true"\n');
const STATE: HostState = {
  ...EMPTY_STATE,
  files: [file('/etc/systemd/system/etcd2.service', '[Service]\nExecStart=/usr/bin/etcd\n'), OWN],
  commands: [command('start', 'etcd2.service')],
};

/** A host whose etcd2.service has a drop-in by somebody else. */
function withDropIn(path: string, text: string, more: Partial<Observation> = {}): Observation {
  return {
    ...EMPTY_HOST,
    units: new Map([['etcd2.service', seenUnit({ active: 'active' })]]),
    dropIns: [OWN.path, path],
    contents: new Map([[path, Buffer.from(text)]]),
    ...more,
  };
}

describe('overriding', () => {
  it.each<[string, string, string, string[]]>([
    ['a variable', '99-x.conf', '[Service]\nEnvironment=ETCD_NAME=mine FOO=bar\n', ['ETCD_NAME']],
    ['the command', '99-x.conf', '[Service]\nExecStart=\nExecStart=/opt/etcd\n', ['ExecStart']],
    ['nothing of ours', '99-x.conf', '[Service]\nLimitNOFILE=1\nEnvironment=FOO=bar\n', []],
    ['nothing, since ours comes later', '10-x.conf', '[Service]\nEnvironment=ETCD_NAME=mine\n', []],
    ['the command, which ours sets in the unit file', '10-x.conf', '[Service]\nExecStart=/opt/etcd\n', ['ExecStart']],
  ])('sees a drop-in that sets %s anew', (_, name, text, settings) => {
    const path = `${DROP_INS}/${name}`;
    expect(overriding(STATE, withDropIn(path, text))).toEqual(
      settings.length === 0 ? [] : [{ path, what: `a drop-in by somebody else that sets ${settings.join(', ')} anew` }],
    );
  });

  it('leaves alone what the distribution brings, what coreup wrote, and what ours takes the place of', () => {
    const text = '[Service]\nEnvironment=ETCD_NAME=mine\n';
    for (const path of ['/usr/lib/systemd/system/etcd2.service.d/99.conf', '/run/systemd/system/service.d/99.conf']) {
      expect(overriding(STATE, withDropIn(path, text))).toEqual([]);
    }
    expect(overriding(STATE, withDropIn('/run/systemd/system/etcd2.service.d/20-cloudinit.conf', text))).toEqual([]);
    const earlier = `${DROP_INS}/99-ours.conf`;
    const manifest = { ...EMPTY_MANIFEST, files: { [earlier]: 'x' } };
    expect(overriding(STATE, withDropIn(earlier, text, { manifest }))).toEqual([]);
  });

  it('is asked about only where there is such a drop-in', () => {
    const first = questionFor(STATE);
    const path = `${DROP_INS}/99-x.conf`;
    expect(followUp(first, withDropIn(path, ''))?.contents).toContain(path);
    expect(followUp(first, withDropIn(OWN.path, ''))).toBeUndefined();
  });
});

describe('overwritten', () => {
  it('names unit files and drop-ins that coreup did not write, not other files', () => {
    const paths = new Map([
      [OWN.path, seenPath()],
      ['/etc/motd', seenPath()],
    ] as const);
    const state = { ...STATE, files: [...STATE.files, file('/etc/motd')] };
    const host = { ...EMPTY_HOST, paths };
    expect(overwritten(diff(state, host, ID), host)).toEqual([
      { path: OWN.path, what: 'a drop-in that coreup did not write' },
    ]);
    // The link by which Debian's etcd.service has this name goes when that is disabled.
    const alias = {
      ...host,
      paths: new Map([
        [OWN.path, seenPath()],
        ['/etc/systemd/system/etcd2.service', seenPath({ type: 'link' })],
      ] as const),
    };
    expect(overwritten(diff(state, alias, ID), alias).map(({ path }) => path)).toEqual([OWN.path]);
    const known = { ...host, manifest: { ...EMPTY_MANIFEST, files: { [OWN.path]: 'x' } } };
    expect(overwritten(diff(state, known, ID), known)).toEqual([]);
  });

  it('names a unit file that a mask would take the place of', () => {
    const path = '/etc/systemd/system/app.service';
    const host = { ...EMPTY_HOST, units: new Map([['app.service', seenUnit({ fragment: path })]]) };
    const state = { ...EMPTY_STATE, units: [unit('app.service', { mask: true })] };
    expect(overwritten(diff(state, host, ID), host)).toEqual([{ path, what: 'a unit file that coreup did not write' }]);
  });
});

describe('adopt', () => {
  const said = (state: HostState, host: Observation): string[] =>
    stepsOf(state, host).map(({ kind, target }) => `${kind} ${target}`);
  const stepsOf = (state: HostState, host: Observation) => {
    const { before, after } = adopt(state, host, 'c');
    return [...before, ...after];
  };

  it('does nothing where all is coreup’s', () => {
    const host = { ...EMPTY_HOST, manifest: EMPTY_MANIFEST, data: ['/var/lib/etcd2'] };
    expect(adopt(STATE, host, 'c')).toEqual({ before: [], after: [], observed: host });
  });

  it('puts data aside that coreup did not make, and stops what runs with it', () => {
    const units = new Map([['etcd2.service', seenUnit({ active: 'active' })]]);
    const host = { ...EMPTY_HOST, units, data: ['/var/lib/etcd2'] };
    expect(said(STATE, host)).toEqual(['unit-retire etcd2.service', 'put-aside /var/lib/etcd2/member']);
    const { observed } = adopt(STATE, host, 'c');
    expect(observed.data).toEqual([]);
    expect(diff(STATE, observed, ID).apply.at(-2)).toMatchObject({ action: { verb: 'start' } });
    // What it was is told before it happens.
    expect(adopt(STATE, host, 'c').before[1]?.reason).toBe(
      'coreup did not make it; it is kept as /var/lib/etcd2/member.before-coreup',
    );
  });

  it('lets nothing begin anew at a boot between the old data and the new settings', () => {
    const units = new Map([['etcd2.service', seenUnit({ active: 'active', fileState: 'enabled' })]]);
    const host = { ...EMPTY_HOST, units, data: ['/var/lib/etcd2'] };
    const state: HostState = { ...STATE, units: [unit('etcd2.service', { enable: true })] };
    const { before, after, observed } = adopt(state, host, 'c');
    const steps = withAdoption(diff(state, observed, ID), { before, after }).apply.map(
      ({ kind, target }) => `${kind} ${target}`,
    );
    expect(steps.slice(0, 3)).toEqual([
      'unit-disable etcd2.service',
      'unit-retire etcd2.service',
      'put-aside /var/lib/etcd2/member',
    ]);
    const enabled = steps.indexOf('unit-enable etcd2.service');
    expect(enabled).toBeGreaterThan(steps.indexOf(`file-write ${OWN.path}`));
    expect(steps.indexOf('unit-command etcd2.service')).toBeGreaterThan(enabled);
  });

  it('puts data of another cluster aside, and takes back what that one made', () => {
    const manifest = { ...EMPTY_MANIFEST, cluster: 'other', files: { '/etc/other': 'x' } };
    const paths = new Map([['/etc/other', seenPath({ sha256: 'x' })]]);
    const host = { ...EMPTY_HOST, manifest, paths, data: ['/var/lib/etcd2'] };
    const { before, observed } = adopt(STATE, host, 'c');
    expect(before.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^it belongs to the cluster other/)]);
    expect(allSteps(diff(STATE, observed, ID)).map(({ kind }) => kind)).toContain('file-remove');
  });

  it('stops and disables the etcd of the distribution, and leaves its data', () => {
    const units = new Map([['etcd.service', seenUnit({ active: 'active', fileState: 'enabled' })]]);
    expect(said(STATE, { ...EMPTY_HOST, units })).toEqual(['unit-retire etcd.service', 'unit-disable etcd.service']);
    // Not where no etcd is to run.
    expect(said(EMPTY_STATE, { ...EMPTY_HOST, units, data: ['/var/lib/etcd2'] })).toEqual([]);
  });

  it('puts overriding drop-ins aside, and restarts what ran with them', () => {
    const path = `${DROP_INS}/99-x.conf`;
    const manifest = { ...EMPTY_MANIFEST };
    const host = withDropIn(path, '[Service]\nEnvironment=ETCD_NAME=mine\n', { manifest, data: ['/var/lib/etcd2'] });
    expect(said(STATE, host)).toEqual([`put-aside ${path}`, 'daemon-reload systemd']);
    const adoption = adopt(STATE, host, 'c');
    expect(overriding(STATE, adoption.observed)).toEqual([]);
    // What has to restart is remembered before the drop-in goes, so that an interruption does not hide it.
    const { apply } = withAdoption(diff(STATE, adoption.observed, ID), adoption);
    expect(apply.map(({ kind }) => kind).slice(0, 3)).toEqual(['record', 'put-aside', 'daemon-reload']);
    expect(apply[0]?.action).toMatchObject({ manifest: { pending: ['etcd2.service'] } });
    expect(apply.some(({ action }) => 'verb' in action && action.verb === 'restart')).toBe(true);
  });

  it('renames with a real shell, never over what was put aside before, and once', () => {
    const directory = temporary();
    const path = join(directory, 'member');
    const { text } = stepScript([step({ kind: 'put-aside', path }, path, 'test')]);
    for (const content of ['first', 'second']) {
      mkdirSync(path);
      writeFileSync(join(path, 'wal'), content);
      expect(runShell(text)).toMatchObject({ stdout: '\x1e0 0\n', code: 0 });
      expect(existsSync(path)).toBe(false);
    }
    expect(runShell(text).stdout).toBe('\x1e0 0\n');
    expect(readFileSync(`${path}.before-coreup/wal`, 'utf8')).toBe('first');
    expect(readFileSync(`${path}.before-coreup.2/wal`, 'utf8')).toBe('second');
  });
});
