import { describe, expect, it } from '@jest/globals';
import type { FleetUnit, UnitState } from '../../../src/fleet/client.js';
import { judge } from '../../../src/fleet/judge.js';
import { decideServices, type ServiceUnit } from '../../../src/fleet/services.js';
import { marked, ownerOf, unitHash, unitOptions, unitText } from '../../../src/fleet/unit-options.js';

const TEXT = '[Service]\nExecStart=/bin/sleep infinity\n';

function wanted(name: string, more: Partial<ServiceUnit> & { text?: string } = {}): ServiceUnit {
  const { text = TEXT, ...rest } = more;
  return { name, file: `units/${name}`, options: marked(unitOptions(text), 'c'), target: 'launched', ...rest };
}

function known(name: string, more: Partial<FleetUnit> = {}): FleetUnit {
  const options = wanted(name).options;
  return { name, options, desiredState: 'launched', currentState: 'launched', machineId: 'm1', ...more };
}

function state(name: string, more: Partial<UnitState> = {}): UnitState {
  const hash = unitHash(wanted(name).options);
  return { name, hash, machineId: 'm1', load: 'loaded', active: 'active', sub: 'running', ...more };
}

describe('a unit as fleet keeps it', () => {
  it('has its assignments in order, without comments, grouped by section', () => {
    const text = '# top\n[Unit]\nAfter=a\n;no\n[Service]\nExecStart=\nExecStart = /bin/x\n[Unit]\nAfter=b\n';
    expect(unitText(unitOptions(text))).toBe('[Unit]\nAfter=a\nAfter=b\n\n[Service]\nExecStart=\nExecStart=/bin/x\n');
  });

  it('keeps the line breaks of a value, without the comments between', () => {
    const text = '[Service]\r\nExecStart=/bin/sh -c \\\r\n# why\r\n  true  \r\n';
    expect(unitOptions(text)).toEqual([{ section: 'Service', name: 'ExecStart', value: '/bin/sh -c \\\n  true' }]);
  });

  it('has the hash that fleet 1.0.0 gave to the same file (recorded: `fleetctl list-unit-files --full`)', () => {
    const hello =
      '[Unit]\nDescription=Example\n\n[Service]\nTimeoutStartSec=0\n' +
      'ExecStart=/bin/sh -c "while true; do echo Hello World; sleep 1; done"\n';
    expect(unitHash(marked(unitOptions(hello), 'fl')).slice(0, 7)).toBe('8731d02');
  });

  it('carries the mark of its cluster', () => {
    expect(ownerOf(marked(unitOptions(TEXT), 'c'))).toBe('c');
    expect(ownerOf(unitOptions(TEXT))).toBeUndefined();
  });
});

describe('what is to be done', () => {
  const kinds = (decision: ReturnType<typeof decideServices>): string[] =>
    decision.changes.map((change) => `${change.kind} ${change.kind === 'destroy' ? change.name : change.unit.name}`);

  it('is nothing where all is as wanted', () => {
    const decision = decideServices([wanted('a.service')], [known('a.service')], [state('a.service')], 'c');
    expect(decision).toEqual({ changes: [], foreign: new Map() });
  });

  it('is one change for each difference', () => {
    const decision = decideServices(
      ['new', 'changed', 'loaded', 'failed'].map((name) => wanted(`${name}.service`)),
      [
        known('changed.service', { options: marked(unitOptions('[Service]\nExecStart=/bin/true\n'), 'c') }),
        known('loaded.service', { desiredState: 'loaded' }),
        known('failed.service'),
        known('dropped.service'),
      ],
      [state('failed.service', { active: 'failed' })],
      'c',
    );
    expect(kinds(decision)).toEqual([
      'destroy dropped.service',
      'submit new.service',
      'replace changed.service',
      'target loaded.service',
      'restart failed.service',
    ]);
  });

  it('leaves alone what is somebody else’s, and says so of names that are wanted', () => {
    const theirs = { options: unitOptions(TEXT) };
    const others = { options: marked(unitOptions(TEXT), 'other') };
    const decision = decideServices(
      [wanted('a.service'), wanted('b.service')],
      [known('a.service', theirs), known('b.service', others), known('x.service', theirs), known('y.service', others)],
      [],
      'c',
    );
    expect(decision.changes).toEqual([]);
    expect([...decision.foreign]).toEqual([
      ['a.service', 'coreup did not submit it'],
      ['b.service', 'it belongs to the cluster other'],
    ]);
  });

  it('starts a failed unit anew only where it is to run', () => {
    const unit = wanted('a.service', { target: 'loaded' });
    const there = known('a.service', { desiredState: 'loaded' });
    expect(decideServices([unit], [there], [state('a.service', { active: 'failed' })], 'c').changes).toEqual([]);
  });

  it('is found for a thousand units at once', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `u${index}.service`);
    const decision = decideServices(
      names.map((name) => wanted(name)),
      names.slice(500).map((name) => known(name)),
      [],
      'c',
    );
    expect(decision.changes).toHaveLength(500);
  });
});

describe('how far a unit has come', () => {
  const verdict = (
    unit: Partial<FleetUnit> | undefined,
    seen: readonly Partial<UnitState>[],
    more: Parameters<typeof wanted>[1] = {},
    machines: readonly string[] = [],
  ) => {
    const own = wanted('a.service', more);
    const hash = unitHash(own.options);
    const units = unit === undefined ? [] : [known('a.service', unit)];
    return judge(own, { units, states: seen.map((entry) => state('a.service', { hash, ...entry })) }, machines);
  };

  it.each([
    ['fleet does not list it', undefined, []],
    ['fleet has not found a machine for it', { machineId: '' }, []],
    ['its machine has not reported on it', {}, []],
    ['its machine has not reported on it', {}, [{ machineId: 'm2' }]],
    ['its machine still has the old content', {}, [{ hash: '0'.repeat(40) }]],
    ['is inactive (dead)', {}, [{ active: 'inactive', sub: 'dead' }]],
    ['is deactivating (stop)', {}, [{ active: 'deactivating', sub: 'stop' }]],
  ])('%s', (why, unit, seen) => {
    expect(verdict(unit, seen)).toMatchObject({ kind: 'waiting', why });
  });

  it('is done where it runs, also beside a stray copy', () => {
    expect(verdict({}, [{ machineId: 'm2', active: 'failed' }, {}])).toEqual({ kind: 'done', machineIds: ['m1'] });
  });

  it('may take long where systemd is at work', () => {
    expect(verdict({}, [{ active: 'activating', sub: 'start-pre' }])).toMatchObject({ kind: 'waiting', busy: true });
  });

  it('has failed where systemd says so', () => {
    expect(verdict({}, [{ active: 'failed', sub: 'failed' }])).toMatchObject({ kind: 'failed', machineId: 'm1' });
    expect(verdict({}, [{ load: 'bad-setting', active: 'inactive' }])).toMatchObject({
      kind: 'failed',
      why: 'systemd does not take it (bad-setting)',
    });
  });

  it('is done as a oneshot that is over', () => {
    const text = '[Service]\nType=oneshot\nExecStart=/bin/true\n';
    expect(verdict({}, [{ active: 'inactive', sub: 'dead' }], { text })).toMatchObject({ kind: 'done' });
  });

  it('is done as loaded once it does not run', () => {
    expect(verdict({}, [{}], { target: 'loaded' })).toMatchObject({ kind: 'waiting', why: 'still active' });
    expect(verdict({}, [{ active: 'inactive' }], { target: 'loaded' })).toMatchObject({ kind: 'done' });
  });

  it('is done as inactive once nobody runs it', () => {
    expect(verdict({ machineId: '' }, [{}], { target: 'inactive' })).toMatchObject({ kind: 'waiting' });
    expect(verdict({ machineId: '' }, [], { target: 'inactive' })).toEqual({ kind: 'done', machineIds: [] });
  });

  it('is as far as the last copy, if it is global', () => {
    const text = `${TEXT}[X-Fleet]\nGlobal=true\n`;
    const both = ['m1', 'm2'];
    expect(verdict({ machineId: '' }, [{}], { text }, both)).toMatchObject({ kind: 'waiting', machineId: 'm2' });
    expect(verdict({ machineId: '' }, [{}, { machineId: 'm2' }], { text }, both)).toEqual({
      kind: 'done',
      machineIds: both,
    });
    expect(verdict({ machineId: '' }, [{}, { machineId: 'm2', active: 'failed' }], { text }, both)).toMatchObject({
      kind: 'failed',
      machineId: 'm2',
    });
  });
});
