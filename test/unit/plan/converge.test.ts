import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HostState } from '../../../src/cluster/host-state.js';
import { diff } from '../../../src/plan/diff.js';
import { allSteps } from '../../../src/plan/step.js';
import { runs } from '../cloud-config/support.js';
import { ALL_UNITS, ONESHOT, states, VENDOR } from './arbitrary-states.js';
import { ModelHost } from './model-host.js';
import { sha256 } from './support.js';

/** Applies what the plan says, up to `limit` steps. @returns the number of steps that were done */
function up(host: ModelHost, state: HostState, limit = Infinity): number {
  const identity = { cluster: 'c', member: 'm', userData: sha256(JSON.stringify(state)) };
  const steps = allSteps(diff(state, host.observe(ALL_UNITS), identity)).slice(0, limit);
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
