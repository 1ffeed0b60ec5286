import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HostState } from '../../../src/cluster/host-state.js';
import { afterwards } from '../../../src/plan/afterwards.js';
import { diff } from '../../../src/plan/diff.js';
import type { Observation } from '../../../src/plan/observation.js';
import { allSteps, step, type HostPlan } from '../../../src/plan/step.js';
import { runs } from '../cloud-config/support.js';
import { ALL_UNITS, ONESHOT, states, VENDOR } from './arbitrary-states.js';
import { ModelHost } from './model-host.js';
import { EMPTY_HOST, sha256 } from './support.js';

const plan = (state: HostState, observed: Observation): HostPlan =>
  diff(state, observed, { cluster: 'c', member: 'm', userData: sha256(JSON.stringify(state)) });

describe('a host as it will be', () => {
  it('needs the same steps next as a host on which the steps were made, however many follow one another', () => {
    fc.assert(
      fc.property(
        states,
        fc.array(fc.record({ state: states, part: fc.constantFrom('all', 'first') }), { minLength: 1, maxLength: 4 }),
        (before, story) => {
          const host = new ModelHost(VENDOR, ONESHOT);
          for (const { action } of allSteps(plan(before, host.observe(ALL_UNITS)))) host.apply(action);
          let expected = host.observe(ALL_UNITS);
          for (const { state, part } of story) {
            const [foreseen, real] = [plan(state, expected), plan(state, host.observe(ALL_UNITS))];
            expect(foreseen).toEqual(real);
            const steps = part === 'all' ? allSteps(real) : real.apply;
            for (const { action } of steps) host.apply(action);
            expected = afterwards(expected, steps);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it('has the etcd of its package, and keeps what is put aside nowhere', () => {
    const etcd = { kind: 'package-install', names: ['etcd-server'], unit: 'etcd.service', program: '/usr/bin/etcd', version: '3.4' } as const; // prettier-ignore
    const paths = new Map([['/var/lib/etcd', { type: 'directory', mode: 0o700, user: 'etcd', group: 'etcd', uid: 1, gid: 1 } as const]]); // prettier-ignore
    const after = afterwards({ ...EMPTY_HOST, etcd: undefined, paths }, [
      step(etcd, 'etcd-server', 'is missing'),
      step({ kind: 'put-aside', path: '/var/lib/etcd' }, '/var/lib/etcd', 'is of another cluster'),
    ]);
    expect(after.etcd).toMatchObject({ path: '/usr/bin/etcd', version: { major: 3, minor: 4 } });
    expect(after.units.get('etcd.service')).toMatchObject({ load: 'loaded', active: 'inactive' });
    expect(after.paths.has('/var/lib/etcd')).toBe(false);
  });
});
