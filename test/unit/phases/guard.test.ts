import { describe, expect, it } from '@jest/globals';
import { found } from '../../../src/phases/found.js';
import { guard, guardFounded } from '../../../src/phases/guard.js';
import { runPhases } from '../../../src/phases/runner.js';
import type { Observation } from '../../../src/plan/observation.js';
import type { State } from '../../../src/state/state.js';
import { seenUnit } from '../plan/support.js';
import { MANIFEST, scene, type Scene } from './support.js';

const NAMES = ['core-01', 'core-02', 'core-03'];
type Phase = 'started' | 'done' | undefined;

/** Three members, of which those at the given positions have no data. */
async function withEmpty(empty: readonly number[], phase: Phase, members = NAMES): Promise<Scene> {
  const made = await scene(3, (index) => (empty.includes(index) ? { data: [] } : {}));
  if (phase) await made.run.state.update((state): State => ({ ...state, bootstrap: { phase, members } }));
  return made;
}

/** What is remembered once the guard has let everybody pass. */
async function passed({ run }: Scene): Promise<State['bootstrap']> {
  await guard.run(run);
  await runPhases([found], run);
  return (await run.state.load()).bootstrap;
}

async function refusal(made: Scene): Promise<{ message: string; members: string[] }> {
  const before = await made.run.state.load();
  try {
    await guard.run(made.run);
  } catch (error) {
    // Refused means that nothing has been remembered either, and no host was told anything.
    expect(await made.run.state.load()).toEqual(before);
    expect(made.ssh.scripts()).toEqual([]);
    const { message, failures = [] } = error as { message: string; failures?: { member: string }[] };
    return { message, members: failures.map(({ member }) => member) };
  }
  throw new Error('it was not refused');
}

describe('guard refuses a host', () => {
  it.each<[string, Partial<Observation>, RegExp]>([
    ['that is not run by systemd', { systemd: false }, /is not run by systemd/],
    ['of another cluster', { manifest: { ...MANIFEST, cluster: 'other' } }, /belongs to the cluster other/],
    ['without etcd', { etcd: undefined }, /has no etcd/],
    [
      'with an etcd that is too old',
      { etcd: { path: '/usr/bin/etcd', version: { major: 3, minor: 3, text: '3.3.25' } } },
      /3\.3\.25/,
    ],
    ['with an etcd of no known version', { etcd: { path: '/usr/bin/etcd', version: undefined } }, /unreadable version/],
    [
      'that runs the etcd of its distribution',
      { units: new Map([['etcd.service', seenUnit({ active: 'active' })]]) },
      /etcd\.service/,
    ],
    ['with data of somebody else', { manifest: undefined }, /etcd data in \/var\/lib\/etcd2 that coreup did not make/],
  ])('%s', async (_, observed, message) => {
    const made = await scene(3, (index) => (index === 1 ? observed : {}));
    const refused = await refusal(made);
    expect(refused.message).toBe('no host was changed, since these are not fit: core-02');
    await expect(guard.run(made.run)).rejects.toMatchObject({
      failures: [{ member: 'core-02', message: expect.stringMatching(message), hint: expect.stringMatching(/\w/) }],
    });
  });

  it('with a drop-in by somebody else that overrides ours, each time, and --adopt lets it pass', async () => {
    const path = '/etc/systemd/system/etcd2.service.d/99-x.conf';
    const units = new Map([['etcd2.service', seenUnit({ active: 'active' })]]);
    const contents = new Map([[path, Buffer.from('[Service]\nEnvironment=ETCD_NAME=mine\n')]]);
    const made = await scene(3, (index) => (index === 1 ? { units, dropIns: [path], contents } : {}));
    for (const _ of [1, 2]) {
      await expect(guard.run(made.run)).rejects.toMatchObject({
        failures: [
          {
            member: 'core-02',
            message: `has ${path}, a drop-in by somebody else that sets ETCD_NAME anew`,
            hint: expect.stringMatching(/`coreup up --adopt`/),
          },
        ],
      });
    }
    await guard.run({ ...made.run, adopt: true });
  });

  it('and names all that are not fit at once', async () => {
    const made = await scene(3, (index) => (index === 0 ? {} : { etcd: undefined }));
    expect((await refusal(made)).members).toEqual(['core-02', 'core-03']);
  });
});

describe('guard lets pass a host', () => {
  it('that brings its own etcd2.service, as CoreOS does', async () => {
    const units = new Map([['etcd2.service', seenUnit({ fragment: '/usr/lib/systemd/system/etcd2.service' })]]);
    const made = await scene(1, () => ({ units, etcd: undefined, manifest: undefined, data: [] }));
    expect(await passed(made)).toEqual({ phase: 'started', members: ['core-01'] });
  });
});

describe('guard and the data of etcd', () => {
  it.each<[string, number[], Phase]>([
    ['nobody has data, at the first time', [0, 1, 2], undefined],
    ['nobody has data, after an interrupted start', [0, 1, 2], 'started'],
    ['all have data, of a cluster that this project does not remember', [], undefined],
    ['all have data, after an interrupted start', [], 'started'],
    ['all have data, of a healthy cluster', [], 'done'],
  ])('lets pass: %s', async (_, empty, phase) => {
    const made = await withEmpty(empty, phase);
    expect(await passed(made)).toEqual({
      phase: phase === 'done' ? 'done' : 'started',
      members: NAMES,
    });
  });

  it('lets an interrupted start go on while no member answers', async () => {
    const made = await withEmpty([1, 2], 'started');
    for (const etcd of made.etcds) etcd.up = false;
    await guard.run(made.run);
  });

  it('lets an interrupted start go on with members that have not run yet, as etcd knows', async () => {
    const made = await withEmpty([2], 'started');
    for (const etcd of made.etcds) {
      etcd.members = etcd.members.map((entry) => (entry.name === 'core-03' ? { ...entry, clientURLs: [] } : entry));
    }
    await guard.run(made.run);
  });

  it('refuses a wiped member of an interrupted start, if it has run before', async () => {
    expect(await refusal(await withEmpty([2], 'started'))).toEqual({
      message: 'no host was changed, since these would start a second cluster: core-03',
      members: ['core-03'],
    });
  });

  it('refuses wiped members of a healthy cluster, whether anybody answers or not', async () => {
    expect((await refusal(await withEmpty([1, 2], 'done'))).members).toEqual(['core-02', 'core-03']);
    const silent = await withEmpty([1, 2], 'done');
    for (const etcd of silent.etcds) etcd.up = false;
    expect((await refusal(silent)).members).toEqual(['core-02', 'core-03']);
  });

  it('lets a member start that was added to a healthy cluster and has never run', async () => {
    const made = await withEmpty([2], 'done');
    for (const etcd of made.etcds) {
      etcd.members = etcd.members.map((entry) =>
        entry.name === 'core-03' ? { ...entry, name: '', clientURLs: [] } : entry,
      );
    }
    expect((await passed(made))?.phase).toBe('done');
  });

  it('refuses a mixture that this project does not remember at all', async () => {
    expect((await refusal(await withEmpty([0], undefined))).members).toEqual(['core-01']);
  });

  it('refuses to start anew what was healthy once and has lost everything', async () => {
    expect(await refusal(await withEmpty([0, 1, 2], 'done'))).toEqual({
      message:
        'no host was changed, since the cluster was healthy once and its data is gone from every member: core-01, core-02, core-03',
      members: NAMES,
    });
  });

  it('refuses another set of members while there is data', async () => {
    const made = await withEmpty([], 'done', ['core-01', 'core-02']);
    expect((await refusal(made)).message).toBe(
      'the etcd cluster consists of core-01, core-02; config.ts asks for core-01, core-02, core-03',
    );
  });

  it.each<[Phase, readonly string[], boolean]>([
    ['done', ['core-01', 'core-02'], true],
    ['done', NAMES, false],
    ['started', ['core-01', 'core-02'], false],
    [undefined, [], false],
  ])('refuses another set of members before any host is there, once it was founded: %s, %j', async (...given) => {
    const [phase, members, refused] = given;
    const { run } = await withEmpty([], phase, [...members]);
    const asked = guardFounded(run.state, run.hosts);
    if (refused) await expect(asked).rejects.toMatchObject({ code: 'MEMBERSHIP_CHANGE' });
    else await asked;
  });

  it('takes another set of members where a start has left no data', async () => {
    const made = await withEmpty([0, 1, 2], 'started', ['core-01']);
    expect((await passed(made))?.members).toEqual(NAMES);
  });
});
