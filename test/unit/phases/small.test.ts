import { describe, expect, it } from '@jest/globals';
import { connect } from '../../../src/phases/connect.js';
import { clientAddress, expectedMember } from '../../../src/phases/etcd-host.js';
import { failureOf, MembersFailedError, onAll } from '../../../src/phases/failures.js';
import { checkMachine, problemsError } from '../../../src/phases/machine.js';
import { runPhases, type Phase } from '../../../src/phases/runner.js';
import type { Problem } from '../../../src/providers/port.js';
import { CoreupError, InputError, InterruptedError } from '../../../src/util/errors.js';
import { EMPTY_STATE, file } from '../plan/support.js';
import { desiredState, RecordingReporter, scene } from './support.js';

describe('runPhases', () => {
  const phase = (
    title: string,
    log: string[],
    more: Partial<Phase<{ reporter: RecordingReporter; signal: AbortSignal }>> = {},
  ) => ({
    title,
    run: () => {
      log.push(title);
      return Promise.resolve();
    },
    ...more,
  });

  it('runs them in order, shows each, and leaves out what has nothing to do', async () => {
    const log: string[] = [];
    const reporter = new RecordingReporter();
    const phases = [phase('a', log), phase('b', log, { skip: () => true }), phase('c', log)];
    await runPhases(phases, { reporter, signal: new AbortController().signal });
    expect(log).toEqual(['a', 'c']);
    expect(reporter.phases).toEqual(['a', 'c']);
  });

  it('ends with the first that fails', async () => {
    const log: string[] = [];
    const broken = phase('b', log, { run: () => Promise.reject(new Error('broken')) });
    const run = { reporter: new RecordingReporter(), signal: new AbortController().signal };
    await expect(runPhases([phase('a', log), broken, phase('c', log)], run)).rejects.toThrow('broken');
    expect(log).toEqual(['a']);
  });

  it('begins no further one when the person has interrupted', async () => {
    const log: string[] = [];
    const controller = new AbortController();
    const interrupting = phase('a', log, {
      run: () => {
        controller.abort();
        return Promise.resolve();
      },
    });
    const run = { reporter: new RecordingReporter(), signal: controller.signal };
    await expect(runPhases([interrupting, phase('b', log)], run)).rejects.toBeInstanceOf(InterruptedError);
    expect(log).toEqual([]);
  });
});

describe('onAll', () => {
  const members = ['a', 'b', 'c'].map((name) => ({ name }));

  it('is interrupted as such, and still names who has failed', async () => {
    const reporter = new RecordingReporter();
    const work = ({ name }: { name: string }) =>
      Promise.reject(name === 'a' ? new InterruptedError() : new Error(`${name} is broken`));
    await expect(onAll('it failed on', members, reporter, work)).rejects.toBeInstanceOf(InterruptedError);
    expect(reporter.notes).toEqual(['b failed: b is broken', 'c failed: c is broken']);
  });

  it('gives the results in the order of the members, whoever is first', async () => {
    const turns = (count: number): Promise<void> =>
      count === 0 ? Promise.resolve() : Promise.resolve().then(() => turns(count - 1));
    const reporter = new RecordingReporter();
    const results = await onAll('x', members, reporter, async ({ name }) => {
      await turns(name === 'a' ? 50 : 0);
      return name;
    });
    expect(results).toEqual(['a', 'b', 'c']);
    expect(reporter.notes).toEqual([]);
  });

  it('waits for all, then names each that failed, with hint and detail', async () => {
    const reporter = new RecordingReporter();
    let ended = 0;
    const detailed = Object.assign(new CoreupError('no', { code: 'X', hint: 'do this' }), { detail: 'more' });
    const work = onAll('these did not', members, reporter, async ({ name }) => {
      if (name === 'a') throw detailed;
      await Promise.resolve();
      ended++;
      if (name === 'c') throw new Error('broken');
    });
    await expect(work).rejects.toMatchObject({
      message: 'these did not: a, c',
      code: 'MEMBERS_FAILED',
      exitCode: 1,
      failures: [
        { member: 'a', message: 'no', hint: 'do this', detail: 'more' },
        { member: 'c', message: 'broken' },
      ],
    });
    expect(ended).toBe(2);
    expect(reporter.notes).toEqual(['a failed: no', 'c failed: broken']);
  });

  it('is interrupted rather than failed, whatever else went wrong', async () => {
    const work = onAll('x', members, new RecordingReporter(), ({ name }) =>
      Promise.reject(name === 'c' ? new InterruptedError() : new Error('lost')),
    );
    await expect(work).rejects.toBeInstanceOf(InterruptedError);
  });

  it('has nothing to say of nobody', async () => {
    expect(await onAll('x', [], new RecordingReporter(), () => Promise.resolve(1))).toEqual([]);
  });
});

describe('failureOf', () => {
  it.each<[unknown, string]>([
    ['text', 'text'],
    [undefined, 'undefined'],
    [new Error(''), 'Error'],
    [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new AggregateError([new Error('one'), new Error('two'), new Error('one')], ''), 'one; two'],
  ])('finds words for %p', (error, message) => {
    expect(failureOf('m', error)).toEqual({ member: 'm', message });
  });
});

describe('connect', () => {
  it('reaches all, and says where', async () => {
    const { run, reporter } = await scene(2);
    await connect.run(run);
    expect(reporter.notes).toEqual(['core-01 done: reached at 10.0.0.1', 'core-02 done: reached at 10.0.0.2']);
  });

  it('names every host that is not reached, and nothing else runs', async () => {
    const { run, ssh } = await scene(3);
    ssh.unreachable('core-01').unreachable('core-03');
    const next: Phase<typeof run> = {
      title: 'next',
      run: () => Promise.reject(new Error('the next phase must not run')),
    };
    await expect(runPhases([connect, next], run)).rejects.toMatchObject({
      message: 'no host was changed, since these could not be reached: core-01, core-03',
      failures: [
        { member: 'core-01', message: expect.stringContaining('not reachable over SSH') },
        { member: 'core-03', message: expect.stringContaining('not reachable over SSH') },
      ],
    });
    expect(ssh.scripts()).toEqual([]);
  });
});

describe('checkMachine', () => {
  const missing: Problem = {
    message: 'debootstrap is missing',
    remedy: 'apt-get install debootstrap',
    packages: ['debootstrap'],
    blame: 'machine',
  };
  const other: Problem = { message: 'not root', remedy: 'Run it as root.', blame: 'machine' };
  const input: Problem = { message: 'the subnet is in use', remedy: 'Give another subnet.', blame: 'input' };

  it('passes where nothing is missing', async () => {
    const { run, provider } = await scene(1);
    await checkMachine(false).run(run);
    expect(provider.checks).toBe(1);
  });

  it('tells everything that packages cannot mend, each with its remedy', async () => {
    const { run, provider } = await scene(1);
    provider.problems = [[other, input, missing]];
    await expect(checkMachine(true).run(run)).rejects.toMatchObject({
      code: 'MACHINE_UNFIT',
      exitCode: 1,
      message: 'not root\nthe subnet is in use',
      hint: 'Run it as root.\nGive another subnet.',
    });
  });

  it('installs nothing unasked where nobody can be asked', async () => {
    Object.defineProperty(process.stdin, 'isTTY', { value: false, configurable: true });
    const { run, provider } = await scene(1);
    provider.problems = [[missing, missing]];
    await expect(checkMachine(false).run(run)).rejects.toMatchObject({
      code: 'MACHINE_UNFIT',
      hint: 'apt-get install debootstrap',
    });
    expect(provider.checks).toBe(1);
  });

  it('ends with exit code 2 only if all of it is wrong input', () => {
    expect(problemsError([input])).toBeInstanceOf(InputError);
    expect(problemsError([input, other])).not.toBeInstanceOf(InputError);
  });
});

describe('clientAddress and expectedMember', () => {
  const listening = (urls: string) =>
    clientAddress({
      ...EMPTY_STATE,
      files: [file('/etc/systemd/system/etcd2.service.d/20.conf', `Environment="ETCD_LISTEN_CLIENT_URLS=${urls}"\n`)],
    });

  it.each([
    ['http://0.0.0.0:2379,http://0.0.0.0:4001', '127.0.0.1', 2379],
    ['http://10.0.0.1:4001', '10.0.0.1', 4001],
    [' http://10.0.0.1:2379 , http://127.0.0.1:2379', '10.0.0.1', 2379],
    ['http://[::]:2379', '127.0.0.1', 2379],
    ['http://[fd00::1]:2379', 'fd00::1', 2379],
    ['http://localhost', 'localhost', 80],
    ['', 'localhost', 2379],
  ])('of %j is %s port %i', (urls, host, port) => {
    expect(listening(urls)).toEqual({ scheme: 'http', host, port });
  });

  it('expects what the settings say, and what etcd does without settings', () => {
    expect(expectedMember(desiredState(1, ['a', 'b']), 'b')).toEqual({
      name: 'b',
      peerUrls: ['http://10.0.0.2:2380'],
      clientUrls: ['http://10.0.0.2:2379'],
    });
    expect(expectedMember(EMPTY_STATE, 'b')).toEqual({
      name: 'b',
      peerUrls: ['http://localhost:2380'],
      clientUrls: ['http://localhost:2379'],
    });
  });

  it('keeps failures a kind of CoreupError, so that they end without a stack trace', () => {
    expect(new MembersFailedError('x', [])).toBeInstanceOf(CoreupError);
  });
});
