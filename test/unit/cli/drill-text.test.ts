import { expect, test } from '@jest/globals';
import type { DrillResult } from '../../../src/actions/drill-result.js';
import { drillText } from '../../../src/cli/drill-text.js';

const RESULT: DrillResult = {
  ok: true,
  victim: { name: 'core-01', leader: true },
  etcd: { elected: 1.6, leader: 'core-03', answers: 1.62 },
  fleet: {
    units: [
      { name: 'web.service', from: 'core-01', to: 'core-02', scheduled: 27.5, running: 28.1 },
      {
        name: 'x.service',
        from: 'core-01',
        to: null,
        scheduled: null,
        running: null,
        reason: 'no machine has disk=ssd',
      },
    ],
    promises: { conflicts: { kept: true, broken: [] }, nothing_lost: { kept: true, broken: [] } },
  },
  restored: { ok: true, seconds: 2.4 },
  problems: [],
};

test('a drill that went well', () => {
  expect(drillText(RESULT)).toBe(`core-01, which led etcd, lost its power. Seconds after that:

etcd: core-03 was elected after 1.60 s
etcd: answered with a quorum after 1.62 s

UNIT         MOVED TO  SCHEDULED  RUNNING
web.service  core-02   27.50 s    28.10 s
x.service    -         -          -
x.service: waited for its own machine: no machine has disk=ssd

fleet: conflicts were kept apart; nothing was lost

core-01 was back 2.40 s after its start.
`);
});

test('a follower of a cluster without fleet, that did not come back', () => {
  const text = drillText({
    ...RESULT,
    ok: false,
    victim: { name: 'core-02', leader: false },
    etcd: { elected: null, leader: 'core-01', answers: 0.1 },
    fleet: null,
    restored: { ok: false, seconds: 120 },
    problems: ['etcd on core-02 does not answer'],
  });
  expect(text).toBe(`core-02 lost its power. Seconds after that:

etcd: core-01 leads on
etcd: answered with a quorum after 0.10 s

core-02 is not back; run \`coreup up\`.

Not as it should be:
- etcd on core-02 does not answer
`);
});
