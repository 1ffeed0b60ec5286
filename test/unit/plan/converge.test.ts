import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HostState, HostUnit } from '../../../src/cluster/host-state.js';
import { diff } from '../../../src/plan/diff.js';
import { allSteps } from '../../../src/plan/step.js';
import { runs } from '../cloud-config/support.js';
import { ModelHost } from './model-host.js';
import { command, EMPTY_STATE, file, ORIGIN, sha256, unit } from './support.js';

const UNITS = '/etc/systemd/system/';
/** Brought by the distribution. */
const VENDOR = ['vendor.service', 'etcd2.service'];
const ONESHOT = ['job.service'];
const OWN = ['app.service', 'job.service', 'redis@.service'];
const COMMANDED = ['vendor.service', 'etcd2.service', 'app.service', 'job.service', 'redis@1.service'];
const ALL_UNITS = [...new Set([...VENDOR, ...OWN, ...COMMANDED])];

const content = fc.constantFrom('1\n', '2\n', '3\n');

/** Cloud-configs over few names, so that two of them have much in common. All are such that a host can do them. */
const states: fc.Arbitrary<HostState> = fc
  .record({
    hostname: fc.constantFrom(null, 'a', 'b'),
    users: fc.subarray(['u', 'v']),
    password: fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
    keys: fc.subarray(['ssh-rsa A', 'ssh-rsa B', 'ssh-rsa C']),
    directory: fc.boolean(),
    paths: fc.array(
      fc.record({ path: fc.constantFrom('/etc/f', '/etc/g'), content, mode: fc.constantFrom(0o644, 0o600) }),
      {
        maxLength: 3,
      },
    ),
    own: fc.subarray(OWN),
    contents: fc.array(content, { minLength: 3, maxLength: 3 }),
    dropIns: fc.dictionary(
      fc.constantFrom('vendor.service', 'etcd2.service', 'app.service', 'redis@1.service'),
      content,
    ),
    enabled: fc.subarray([...VENDOR, 'app.service', 'job.service']),
    masked: fc.subarray(['vendor.service', 'app.service', 'other.service']),
    order: fc.shuffledSubarray(COMMANDED),
    verbs: fc.array(fc.constantFrom('start', 'start', 'stop', 'restart'), { minLength: 5, maxLength: 5 }),
  })
  .map((given): HostState => {
    const exists = (name: string): boolean =>
      [...VENDOR, ...given.own].includes(name.replace('@1', '@')) && !given.masked.includes(name);
    const units: HostUnit[] = [...given.own, ...VENDOR, 'other.service'].map((name) =>
      unit(name, {
        mask: given.masked.includes(name),
        enable: given.enabled.includes(name) && exists(name),
      }),
    );
    return {
      ...EMPTY_STATE,
      hostname: given.hostname,
      users: given.users.map((name) => ({
        name,
        ...(given.password === undefined ? {} : { passwordHash: given.password }),
        noCreateHome: false,
        groups: [],
        noUserGroup: false,
        system: false,
        noLogInit: false,
        origin: ORIGIN,
      })),
      authorizedKeys: given.users.map((user) => ({ user, keys: given.keys, origin: ORIGIN })),
      directories: given.directory ? [{ path: '/var/data', mode: 0o700, owner: null, origin: ORIGIN }] : [],
      files: [
        ...given.paths.map((entry) => file(entry.path, entry.content, { mode: entry.mode })),
        ...given.own.map((name, index) => file(UNITS + name, given.contents[index])),
        ...Object.entries(given.dropIns).map(([name, text]) => file(`${UNITS}${name}.d/x.conf`, text)),
      ],
      units,
      commands: given.order.filter(exists).map((name, index) => command(given.verbs[index] ?? 'start', name)),
    };
  });

/** Applies what the plan says, up to `limit` steps. @returns the number of steps that were done */
function up(host: ModelHost, state: HostState, limit = Infinity): number {
  const identity = { cluster: 'c', member: 'm', userData: sha256(JSON.stringify(state)) };
  const steps = allSteps(diff(state, host.observe(ALL_UNITS.concat('other.service')), identity)).slice(0, limit);
  for (const { action } of steps) host.apply(action);
  return steps.length;
}

/** What must be true of a host that has just been brought to a state. */
function expectRight(host: ModelHost, state: HostState): void {
  expect(up(host, state)).toBe(0);
  for (const { unit: name, verb } of state.commands) {
    if (verb === 'stop') expect(host.running.has(name)).toBe(false);
    // Nothing may run with files from before.
    else if (!ONESHOT.includes(name) && verb === 'start') expect(host.running.get(name)).toBe(host.definition(name));
  }
}

describe('the steps of a diff, applied to a model of a host', () => {
  it('leave nothing to do, from any state to any other', () => {
    fc.assert(
      fc.property(fc.array(states, { minLength: 1, maxLength: 3 }), (story) => {
        const host = new ModelHost(VENDOR, ONESHOT);
        for (const state of story) {
          up(host, state);
          expectRight(host, state);
        }
      }),
      { numRuns: runs(400) },
    );
  });

  it('take away every file that only an earlier user-data had', () => {
    fc.assert(
      fc.property(states, states, (before, after) => {
        const host = new ModelHost(VENDOR, ONESHOT);
        up(host, before);
        up(host, after);
        const fresh = new ModelHost(VENDOR, ONESHOT);
        up(fresh, after);
        const names = (model: ModelHost): string[] =>
          [...model.files.keys()].filter((path) => path !== '/var/data').sort();
        expect(names(host)).toEqual(names(fresh));
        expect([...host.enabled].sort()).toEqual([...fresh.enabled].sort());
      }),
      { numRuns: runs(400) },
    );
  });

  it('lead to the same place when an apply ends after any step, with or without a reboot, and is run again', () => {
    fc.assert(
      fc.property(
        fc.option(states, { nil: undefined }),
        fc.array(fc.record({ state: states, limit: fc.nat(12), reboot: fc.boolean() }), { minLength: 1, maxLength: 3 }),
        states,
        (first, cuts, last) => {
          const host = new ModelHost(VENDOR, ONESHOT);
          if (first) up(host, first);
          for (const { state, limit, reboot } of cuts) {
            up(host, state, limit);
            if (reboot) host.reboot();
          }
          up(host, last);
          expectRight(host, last);
          const fresh = new ModelHost(VENDOR, ONESHOT);
          up(fresh, last);
          const { manifest, enabled } = host;
          // What runs since before is remembered as such; all else is the same.
          expect({ ...manifest, pending: [] }).toEqual({ ...fresh.manifest, pending: [] });
          expect([...enabled].sort()).toEqual([...fresh.enabled].sort());
          expect([...host.files].filter(([path]) => path !== '/var/data').sort()).toEqual(
            [...fresh.files].filter(([path]) => path !== '/var/data').sort(),
          );
        },
      ),
      { numRuns: runs(1000) },
    );
  });

  it('never restart what was only started by a run that was cut short', () => {
    fc.assert(
      fc.property(states, fc.nat(30), (state, limit) => {
        // An instance of a template may: which instances run with the old template is not known.
        const commands = state.commands.filter(
          ({ verb, unit: name }) => verb === 'start' && name !== 'redis@1.service',
        );
        const only = { ...state, commands };
        const host = new ModelHost(VENDOR, ONESHOT);
        up(host, only, limit);
        up(host, only);
        expect(host.restarted.size).toBe(0);
      }),
      { numRuns: runs(300) },
    );
  });
});
