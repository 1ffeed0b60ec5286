import { describe, expect, it } from '@jest/globals';
import { diff } from '../../../src/plan/diff.js';
import type { Observation } from '../../../src/plan/observation.js';
import { questionFor } from '../../../src/plan/question.js';
import { restarts } from '../../../src/plan/step.js';
import { command, EMPTY_HOST, EMPTY_MANIFEST, EMPTY_STATE, file, seenFile, seenUnit, sha256 } from './support.js';

const DROP_IN = '/etc/systemd/system/etcd2.service.d/20-cloudinit.conf';
const BEFORE = '[Service]\nEnvironment="ETCD_DISCOVERY=http://a/v2/keys/t"\nEnvironment="ETCD_NAME=core-01"\n';

/** Whether a host that runs etcd with `before` restarts it for `after`. */
function restartsFor(before: string, after: string | null, seen: Partial<Observation> = {}): boolean {
  const there = file(DROP_IN, before);
  const desired = {
    ...EMPTY_STATE,
    files: after === null ? [] : [file(DROP_IN, after)],
    commands: [command('start', 'etcd2.service')],
  };
  const observed: Observation = {
    ...EMPTY_HOST,
    paths: new Map([[DROP_IN, seenFile(there)]]),
    contents: new Map([[DROP_IN, there.content]]),
    units: new Map([['etcd2.service', seenUnit({ active: 'active' })]]),
    data: ['/var/lib/etcd2'],
    manifest: { ...EMPTY_MANIFEST, files: { [DROP_IN]: sha256(there.content) } },
    ...seen,
  };
  const plan = diff(desired, observed, { cluster: 'c', member: 'core-01', userData: 'other' });
  expect(plan.apply.some(({ target }) => target === DROP_IN)).toBe(before !== after);
  return restarts(plan, 'etcd2.service');
}

describe('settings that a member with data takes no notice of', () => {
  const STATIC = BEFORE.replace(
    'ETCD_DISCOVERY=http://a/v2/keys/t',
    'ETCD_INITIAL_CLUSTER=core-01=http://a:2380"\nEnvironment="ETCD_INITIAL_CLUSTER_STATE=existing',
  );

  it('are written without a restart', () => {
    expect(restartsFor(BEFORE, STATIC)).toBe(false);
    expect(restartsFor(STATIC, BEFORE)).toBe(false);
    expect(restartsFor(BEFORE, BEFORE.replace('Environment="ETCD_DISCOVERY=http://a/v2/keys/t"\n', ''))).toBe(false);
    expect(restartsFor('[Service]\nEnvironment="ETCD_DISCOVERY_TOKEN=t"\n', null)).toBe(false);
  });

  it('restart a member that has no data, and for which they count', () => {
    expect(restartsFor(BEFORE, STATIC, { data: [] })).toBe(true);
  });

  it('restart a member that still waits for the others by them', () => {
    const units = new Map([['etcd2.service', seenUnit({ active: 'activating' })]]);
    expect(restartsFor(BEFORE, BEFORE.replace('keys/t', 'keys/another'), { units })).toBe(true);
  });

  it.each([
    ['another name', BEFORE.replace('core-01', 'core-02')],
    ['a new setting', `${BEFORE}Environment="ETCD_HEARTBEAT_INTERVAL=200"\n`],
    ['another section', `${BEFORE}[Unit]\nDescription=x\n`],
    ['a pair on a line with others', `${BEFORE}Environment="ETCD_DISCOVERY=x" "ETCD_DEBUG=true"\n`],
    ['all settings taken back', `${BEFORE}Environment=\n`],
  ])('do not hide %s', (_, after) => {
    expect(restartsFor(BEFORE, after)).toBe(true);
  });

  it('are looked for where etcd’s settings are', () => {
    const state = { ...EMPTY_STATE, files: [file(DROP_IN), file('/etc/motd')] };
    expect(questionFor(state).contents).toEqual([DROP_IN]);
  });
});
