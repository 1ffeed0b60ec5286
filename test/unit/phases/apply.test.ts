import { describe, expect, it } from '@jest/globals';
import { apply, finish } from '../../../src/phases/apply.js';
import { MembersFailedError } from '../../../src/phases/failures.js';
import { step, type Step } from '../../../src/plan/step.js';
import { InterruptedError } from '../../../src/util/errors.js';
import type { HostState } from '../../../src/cluster/host-state.js';
import type { HostGoal, HostRun } from '../../../src/phases/run.js';
import { GO } from '../../../src/plan/script.js';
import type { Reply } from '../ssh/fake-ssh.js';
import { textOf } from '../../../src/util/bytes.js';
import { seenUnit } from '../plan/support.js';
import { allStepsDone, hostOf, MANIFEST, scene, type Scene } from './support.js';

const RECORD = step({ kind: 'record', manifest: MANIFEST }, 'manifest', 'test');
const RELOAD = step({ kind: 'daemon-reload' }, 'systemd', 'test');
const etcd = (verb: 'start' | 'restart'): Step =>
  step({ kind: 'unit-command', unit: 'etcd2.service', verb, wait: false }, 'etcd2.service', 'test');

/** Found in scripts that wait. */
const WAITS = /^go_on$/m;

/** Gives every host the same steps. */
async function planned(size: number, steps: readonly Step[], active = 'active'): Promise<Scene> {
  const made = await scene(size, () => ({ units: new Map([['etcd2.service', seenUnit({ active })]]) }));
  for (const host of made.run.hosts) host.plan = { apply: steps, finish: [] };
  return made;
}

function goalOf({ desired, digest, question }: HostRun): HostGoal {
  return { desired, digest, question };
}

/** The same without the list of members. */
function withoutList(state: HostState): HostState {
  const files = state.files.map((file) => ({
    ...file,
    content: Buffer.from(textOf(file.content).replace(/^.*ETCD_INITIAL_CLUSTER=.*\n/m, '')),
  }));
  return { ...state, files };
}

/** Names of the hosts that were given steps, in order. */
function touched({ ssh }: Scene): string[] {
  return ssh.requests.filter(({ kind, text }) => kind === 'run' && text.includes('run()')).map(({ host }) => host);
}

async function failure(work: Promise<void>): Promise<MembersFailedError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MembersFailedError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('apply', () => {
  it('is skipped where there is nothing to do', async () => {
    const made = await planned(2, []);
    expect(apply.skip?.(made.run)).toBe(true);
    hostOf(made, 'core-02').plan = { apply: [RELOAD], finish: [] };
    expect(apply.skip?.(made.run)).toBe(false);
  });

  it('starts new members all at once: none waits for another', async () => {
    const made = await planned(3, [RECORD, RELOAD, etcd('start'), RECORD], 'inactive');
    for (const state of made.etcds) state.up = false;
    await apply.run(made.run);
    expect(touched(made).sort()).toEqual(['core-01', 'core-02', 'core-03']);
    // As root, and without a question to etcd in between.
    expect(made.ssh.requests.filter(({ kind }) => kind === 'run').every(({ sudo }) => sudo)).toBe(true);
    expect(made.ssh.scripts()).toHaveLength(3);
    expect(made.run.hosts.map(({ changes }) => changes)).toEqual([2, 2, 2]);
    expect(made.reporter.notes).toContain('core-02 done: 2 changes made');
  });

  describe('where a cluster is founded', () => {
    const START = etcd('start');
    /** Hosts that read their input to its end before they answer; `seen` has who started, and with which input. */
    async function founded(size: number) {
      const made = await planned(size, [RECORD, START], 'inactive');
      const seen: string[] = [];
      const onStart = new Map<string, () => Reply | undefined>();
      made.run.founding = true;
      for (const state of made.etcds) state.up = false;
      for (const host of made.run.hosts) {
        const { connection } = host;
        host.observation = { ...host.observation, data: [] };
        host.connection = {
          ...connection,
          async run(script, options) {
            if (!script.text.includes('run()')) return connection.run(script, options);
            let told = !WAITS.test(script.text);
            for await (const piece of script.input ?? []) if (Buffer.from(piece).equals(GO)) told = true;
            seen.push(`${host.name} ${told ? 'starts' : 'does not start'}`);
            const reply = onStart.get(host.name)?.() ?? (told ? undefined : { stdout: '\x1e0 0\n' });
            if (reply) made.ssh.replyOn(host.name, 'run()', reply);
            return connection.run(script, options);
          },
        };
      }
      return { made, seen, onStart };
    }

    it('starts the member first that all others ask first, and these once it serves', async () => {
      const { made, seen, onStart } = await founded(10);
      // As text, http://10.0.0.10:2380 comes before http://10.0.0.1:2380.
      onStart.set('core-10', () => {
        setTimeout(() => {
          seen.push('core-10 serves');
          for (const state of made.etcds) state.up = true;
        }, 50);
        return undefined;
      });
      await apply.run(made.run);
      expect(seen.slice(0, 2)).toEqual(['core-10 starts', 'core-10 serves']);
      expect(seen.slice(2).sort()).toEqual(Array.from({ length: 9 }, (_, index) => `core-0${index + 1} starts`));
    });

    it('starts the others all the same if the first fails', async () => {
      const { made, seen, onStart } = await founded(3);
      onStart.set('core-01', () => ({ stdout: '\x1e0 0\nno\x1e1 1\n' }));
      expect((await failure(apply.run(made.run))).message).toBe('the cloud-config could not be applied on: core-01');
      expect(seen).toEqual(['core-01 starts', 'core-02 starts', 'core-03 starts']);
    });

    it('starts none of the others after Ctrl-C', async () => {
      const { made, seen, onStart } = await founded(3);
      made.ssh.reply('stop-', {});
      onStart.set('core-01', () => {
        made.controller.abort();
        return undefined;
      });
      await expect(apply.run(made.run)).rejects.toBeInstanceOf(InterruptedError);
      expect(seen).toEqual(['core-01 starts', 'core-02 does not start', 'core-03 does not start']);
    });

    it.each<[string, (made: Scene) => void]>([
      ['the cluster is there', ({ run }) => (run.founding = false)],
      [
        'the first has its data',
        (made) => {
          const first = hostOf(made, 'core-01');
          first.observation = { ...first.observation, data: ['/var/lib/etcd2'] };
        },
      ],
      [
        'members find each other by a token',
        ({ run: { hosts } }) => {
          for (const host of hosts) host.become({ ...goalOf(host), desired: withoutList(host.desired) });
        },
      ],
    ])('does not wait where %s', async (_, prepare) => {
      const { made } = await founded(3);
      const plans = made.run.hosts.map(({ plan, observation }) => ({ plan, observation }));
      prepare(made);
      made.run.hosts.forEach((host, index) => {
        const before = plans[index];
        if (before && !host.observed) Object.assign(host, before);
      });
      await apply.run(made.run);
      expect(made.ssh.scripts().filter((text) => WAITS.test(text))).toEqual([]);
      expect(touched(made).sort()).toEqual(['core-01', 'core-02', 'core-03']);
    });
  });

  it('leaves hosts alone that have nothing to do', async () => {
    const made = await planned(3, []);
    hostOf(made, 'core-02').plan = { apply: [RELOAD], finish: [] };
    await apply.run(made.run);
    expect(touched(made)).toEqual(['core-02']);
    expect(made.reporter.notes).toContain('core-02 done: 1 change made');
  });

  it('restarts working members one at a time, each only while all others are healthy', async () => {
    const made = await planned(3, [etcd('restart')]);
    const seen: string[] = [];
    made.etcds.forEach((state, index) => {
      state.onRequest = () => seen.push(`ask ${index + 1}`);
    });
    made.ssh.reply('run()', (request) => {
      seen.push(`restart ${request.host.slice(-1)}`);
      return allStepsDone(request);
    });
    await apply.run(made.run);
    expect(seen.filter((entry) => entry.startsWith('restart'))).toEqual(['restart 1', 'restart 2', 'restart 3']);
    // Before each restart the two others have answered, and after it the member itself.
    const between = (from: number, to: number): string[] => [...new Set(seen.slice(from, to))].sort();
    const at = [1, 2, 3].map((index) => seen.indexOf(`restart ${index}`));
    expect(between(0, at[0] ?? 0)).toEqual(['ask 2', 'ask 3']);
    expect(between((at[0] ?? 0) + 1, at[1] ?? 0)).toEqual(['ask 1', 'ask 3']);
    expect(between((at[1] ?? 0) + 1, at[2] ?? 0)).toEqual(['ask 1', 'ask 2']);
    expect(between((at[2] ?? 0) + 1, seen.length)).toEqual(['ask 3']);
  });

  it('changes no further host when a restarted member does not come back, and says which it was', async () => {
    const made = await planned(3, [etcd('restart')]);
    made.ssh.reply('run()', (request) => {
      const [first] = made.etcds;
      if (first && request.host === 'core-01') first.up = false;
      return allStepsDone(request);
    });
    made.ssh.reply('systemctl show', { stdout: 'ActiveState=failed\nResult=exit-code\nNRestarts=0\n' });
    const error = await failure(apply.run(made.run));
    expect(error.message).toBe('the change stopped at: core-01');
    expect(error.failures).toEqual([
      expect.objectContaining({ member: 'core-01', message: expect.stringMatching(/^etcd does not stay up/) }),
    ]);
    expect(touched(made)).toEqual(['core-01']);
  });

  it('restarts nobody while another member is not healthy, and blames that one', async () => {
    const made = await planned(3, [etcd('restart')]);
    if (made.etcds[2]) made.etcds[2].up = false;
    made.ssh.replyOn('core-03', 'systemctl show', { stdout: 'ActiveState=failed\nResult=exit-code\nNRestarts=0\n' });
    const error = await failure(apply.run(made.run));
    expect(error.message).toBe('nothing was changed on core-01, since these are not healthy: core-03');
    expect(error.failures.map(({ member }) => member)).toEqual(['core-03']);
    expect(touched(made)).toEqual([]);
  });

  it('restarts members at once that have never joined: their new settings may be what they wait for', async () => {
    const made = await planned(3, [etcd('restart')], 'activating');
    for (const state of made.etcds) state.up = false;
    await apply.run(made.run);
    expect(touched(made).sort()).toEqual(['core-01', 'core-02', 'core-03']);
  });

  it('mends what does not work before it restarts what does', async () => {
    const made = await planned(2, [etcd('restart')]);
    const broken = hostOf(made, 'core-02');
    broken.observation = {
      ...broken.observation,
      units: new Map([['etcd2.service', seenUnit({ active: 'failed' })]]),
    };
    const second = made.etcds[1];
    if (second) second.up = false;
    made.ssh.replyOn('core-02', 'run()', (request) => {
      if (second) second.up = true;
      return allStepsDone(request);
    });
    await apply.run(made.run);
    expect(touched(made)).toEqual(['core-02', 'core-01']);
  });

  it('lets the others finish when steps fail on some, and names each with what its step said', async () => {
    const made = await planned(3, [RELOAD, etcd('start')], 'inactive');
    made.ssh
      .replyOn('core-01', 'run()', { stdout: '\x1e0 0\nUnit etcd2.service not found.\x1e1 5\n' })
      .replyOn('core-03', 'run()', { stdout: '\x1e0 4\n' });
    const error = await failure(apply.run(made.run));
    expect(error.message).toBe('the cloud-config could not be applied on: core-01, core-03');
    expect(error.failures.map(({ message }) => message)).toEqual([
      'unit-command start etcd2.service failed: Unit etcd2.service not found.',
      'daemon-reload systemd failed: it ended with exit code 4',
    ]);
    expect(error.failures[0]?.hint).toMatch(/`coreup up`/);
    // Only what was done counts.
    expect(made.run.hosts.map(({ changes }) => changes)).toEqual([1, 2, 0]);
    expect(made.reporter.notes).toContain('core-02 done: 2 changes made');
  });

  it.each([
    ['with what its shell said', { code: 2, stderr: 'sh: 1: Syntax error\n' }, 'sh: 1: Syntax error'],
    ['with its exit code', { code: 127 }, 'it ended with exit code 127'],
    ['with its signal', { signal: 'KILL' }, 'it was ended by KILL'],
  ])('tells of a script that ended without a report %s', async (_, reply, said) => {
    const made = await planned(1, [RELOAD]);
    made.ssh.reply('run()', reply);
    expect((await failure(apply.run(made.run))).failures[0]?.message).toBe(`daemon-reload systemd failed: ${said}`);
  });

  it('is interrupted as such', async () => {
    const made = await planned(2, [RELOAD]);
    made.ssh.reply('run()', { error: new InterruptedError() });
    await expect(apply.run(made.run)).rejects.toBeInstanceOf(InterruptedError);
  });
});

describe('finish', () => {
  it('runs what comes after etcd on all hosts that have it', async () => {
    const made = await planned(3, []);
    expect(finish.skip?.(made.run)).toBe(true);
    for (const name of ['core-01', 'core-03']) hostOf(made, name).plan = { apply: [], finish: [RELOAD, RECORD] };
    expect(finish.skip?.(made.run)).toBe(false);
    await finish.run(made.run);
    expect(touched(made).sort()).toEqual(['core-01', 'core-03']);
  });

  it('names who fails', async () => {
    const made = await planned(2, []);
    for (const host of made.run.hosts) host.plan = { apply: [], finish: [RELOAD] };
    made.ssh.replyOn('core-02', 'run()', { stdout: 'no\x1e0 1\n' });
    expect((await failure(finish.run(made.run))).message).toBe('commands of the cloud-config failed on: core-02');
  });
});
