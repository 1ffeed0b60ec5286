import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { isGone, readLock, takeLock, unlock, type LockOwner } from '../../../src/state/lock.js';
import { placeHere, type Place } from '../../../src/state/owner.js';
import { StateDirectory } from '../../../src/state/state.js';
import { temporary } from '../plan/support.js';

const fresh = (): StateDirectory => new StateDirectory(join(temporary(), '.coreup'));

function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** The id of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}

function owner(more: Partial<LockOwner> = {}): LockOwner {
  return {
    pid: process.pid,
    started: startOf(process.pid),
    host: hostname(),
    command: 'up',
    since: '2026-01-02T03:04:05.000Z',
    ...more,
  };
}

/** Where this process runs. */
const HERE = placeHere() as Place;
const OUTERMOST = 'pid:[4026531836]';

/** A project that is locked by somebody. */
function locked(by: LockOwner | string): StateDirectory {
  const state = fresh();
  mkdirSync(state.path);
  writeFileSync(state.file('lock'), typeof by === 'string' ? by : JSON.stringify(by));
  return state;
}

describe('takeLock', () => {
  it('takes the lock, tells who has it, and gives it back', async () => {
    const state = fresh();
    const release = await takeLock(state, 'up');
    expect(await readLock(state)).toMatchObject({ pid: process.pid, command: 'up', host: hostname() });
    expect(readdirSync(state.path)).toEqual(['lock']);
    await release();
    expect(await readLock(state)).toBeUndefined();
    expect(readdirSync(state.path)).toEqual([]);
    await (
      await takeLock(state, 'render')
    )();
  });

  it('is refused while somebody has it, also in this process, with a sentence that says who', async () => {
    const state = fresh();
    const release = await takeLock(state, 'destroy');
    await expect(takeLock(state, 'up')).rejects.toMatchObject({
      code: 'LOCKED',
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(
          `^this project is locked by \`coreup destroy\` \\(${userInfo().username}, process ${process.pid}, since 20`,
        ),
      ),
    });
    expect(readdirSync(state.path)).toEqual(['lock']);
    await release();
  });

  it.each<[string, () => LockOwner | string]>([
    ['whose process has ended', () => owner({ pid: deadPid() })],
    ['whose process id now belongs to another', () => owner({ started: '1' })],
    ['that is empty, as after a power cut', () => ''],
    ['that is half a lock', () => '{"pid":1,'],
    ['that is no lock', () => 'null'],
  ])('takes over a lock %s', async (_, by) => {
    const state = locked(by());
    const release = await takeLock(state, 'up');
    expect(await readLock(state)).toMatchObject({ pid: process.pid, started: startOf(process.pid) });
    expect(readdirSync(state.path)).toEqual(['lock']);
    await release();
  });

  it('takes over from a zombie: it has ended, only its parent has not looked', async () => {
    // sh becomes sleep, which does not wait for sh's child; the child lives until then, since sh itself would wait for it.
    const child = 'until read -r name </proc/$PPID/comm && [ "$name" = sleep ]; do :; done';
    const parent = spawn('sh', ['-c', `sh -c '${child}' & echo $!; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    const state = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
    while (state() !== 'Z') await new Promise((done) => setImmediate(done));
    expect(isGone(owner({ pid, started: startOf(pid) }))).toBe(true);
    parent.kill();
    await once(parent, 'exit');
  });

  it('never takes over from another machine, and says how a person can', async () => {
    const state = locked(owner({ host: 'elsewhere', pid: deadPid() }));
    await expect(takeLock(state, 'up')).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('(on elsewhere, process'),
      hint: expect.stringContaining('`coreup unlock`'),
    });
  });

  it('gives signs of life while it is held', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const state = fresh();
    const release = await takeLock(state, 'up');
    const moved = (): number => statSync(state.file('lock')).mtimeMs;
    const beats = async (until: () => boolean): Promise<void> => {
      jest.advanceTimersByTime(5000);
      while (!until()) await new Promise((done) => setImmediate(done));
    };
    utimesSync(state.file('lock'), 1, 1);
    await beats(() => moved() !== 1000);
    utimesSync(state.file('lock'), 1, 1);
    await beats(() => moved() !== 1000);
    await release();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('gives back only its own lock', async () => {
    const state = fresh();
    const release = await takeLock(state, 'up');
    const other = JSON.stringify(owner({ host: 'elsewhere' }));
    writeFileSync(state.file('lock'), other);
    await release();
    expect(readFileSync(state.file('lock'), 'utf8')).toBe(other);
  });

  it('removes what killed processes have left, and nothing that is in use', async () => {
    const state = locked(owner({ pid: deadPid() }));
    const gone = deadPid();
    writeFileSync(state.file(`lock.${gone}.0123456789ab`), '');
    writeFileSync(state.file('lock.0123456789abcdef'), JSON.stringify(owner({ pid: gone })));
    writeFileSync(state.file(`lock.${process.pid}.0123456789ab`), '');
    writeFileSync(state.file('lock.fedcba9876543210'), JSON.stringify(owner()));
    const release = await takeLock(state, 'up');
    expect(readdirSync(state.path).sort()).toEqual(
      ['lock', `lock.${process.pid}.0123456789ab`, 'lock.fedcba9876543210'].sort(),
    );
    await release();
  });

  it('takes over although a process was killed in the middle of taking over', async () => {
    const state = locked(owner({ pid: deadPid() }));
    const { createHash } = await import('node:crypto');
    const digest = createHash('sha256')
      .update(readFileSync(state.file('lock')))
      .digest('hex')
      .slice(0, 16);
    writeFileSync(state.file(`lock.${digest}`), JSON.stringify(owner({ pid: deadPid() })));
    const release = await takeLock(state, 'up');
    expect(readdirSync(state.path)).toEqual(['lock']);
    await release();
  });

  it('is refused while another process is in the middle of taking over', async () => {
    const state = locked(owner({ pid: deadPid() }));
    const { createHash } = await import('node:crypto');
    const digest = createHash('sha256')
      .update(readFileSync(state.file('lock')))
      .digest('hex')
      .slice(0, 16);
    writeFileSync(state.file(`lock.${digest}`), JSON.stringify(owner({ command: 'reload' })));
    await expect(takeLock(state, 'up')).rejects.toMatchObject({
      message: expect.stringContaining('`coreup reload`'),
    });
  });

  it('says what is in the way when it is no file', async () => {
    const state = fresh();
    mkdirSync(state.file('lock'), { recursive: true });
    await expect(takeLock(state, 'up')).rejects.toMatchObject({
      code: 'LOCK_UNUSABLE',
      message: expect.stringMatching(/cannot use the lock .*EISDIR/),
    });
    const dangling = fresh();
    mkdirSync(dangling.path);
    symlinkSync('nowhere', dangling.file('lock'));
    await expect(takeLock(dangling, 'up')).rejects.toMatchObject({ code: 'LOCK_UNUSABLE' });
  });
});

describe('unlock', () => {
  it('says that there is no lock', async () => {
    expect(await unlock(fresh())).toBe(false);
    const state = fresh();
    mkdirSync(state.path);
    expect(await unlock(state)).toBe(false);
    expect(readdirSync(state.path)).toEqual([]);
  });

  it.each<[string, () => LockOwner | string]>([
    ['of a process that has ended', () => owner({ pid: deadPid() })],
    ['that cannot be read', () => '{'],
  ])('removes a lock %s', async (_, by) => {
    const state = locked(by());
    expect(await unlock(state)).toBe(true);
    expect(existsSync(state.file('lock'))).toBe(false);
  });

  it('removes one of another machine when it gives no sign of life, and says that it watches', async () => {
    const state = locked(owner({ host: 'elsewhere' }));
    const watched: unknown[] = [];
    const onWatch = (by: LockOwner, seconds: number): unknown => watched.push([by.host, seconds]);
    expect(await unlock(state, { onWatch, watch: { silence: 20, poll: 1 } })).toBe(true);
    expect(watched).toEqual([['elsewhere', 0.02]]);
    expect(readdirSync(state.path)).toEqual([]);
  });

  it('removes one of another machine at once where the person is sure', async () => {
    const state = locked(owner({ host: 'elsewhere' }));
    expect(await unlock(state, { sure: true, watch: { silence: Infinity, poll: 1 } })).toBe(true);
  });

  it('leaves one of another machine that gives signs of life', async () => {
    const state = locked(owner({ host: 'elsewhere' }));
    let sign = 1;
    const beat = setInterval(() => utimesSync(state.file('lock'), sign, sign++), 1);
    // It ends only with the sign of life.
    await expect(unlock(state, { watch: { silence: Infinity, poll: 1 } })).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('gives signs of life'),
    });
    clearInterval(beat);
    expect(existsSync(state.file('lock'))).toBe(true);
  });

  it('stops watching at a Ctrl-C, and when the lock is given back', async () => {
    const state = locked(owner({ host: 'elsewhere' }));
    const watch = { silence: Infinity, poll: 1 };
    await expect(unlock(state, { watch, signal: AbortSignal.abort() })).rejects.toMatchObject({ exitCode: 130 });
    expect(await unlock(state, { watch, onWatch: () => rmSync(state.file('lock')) })).toBe(true);
    expect(readdirSync(state.path)).toEqual([]);
  });

  it('leaves the lock of a process that runs', async () => {
    const state = locked(owner());
    await expect(unlock(state)).rejects.toMatchObject({ code: 'LOCKED' });
    expect(existsSync(state.file('lock'))).toBe(true);
  });
});

describe('isGone', () => {
  it('believes only what it can see', () => {
    expect(isGone(owner())).toBe(false);
    expect(isGone(owner({ pid: deadPid() }))).toBe(true);
    expect(isGone(owner({ pid: 1, started: startOf(1) }))).toBe(false);
    expect(isGone(owner({ host: 'elsewhere', pid: deadPid() }))).toBe(false);
    expect(isGone(owner({ place: HERE, pid: deadPid() }))).toBe(true);
    // The machine has got another name since.
    expect(isGone(owner({ place: HERE, pid: deadPid(), host: 'elsewhere' }))).toBe(true);
    // Written where there is no /proc (macOS): the id is all there is.
    expect(isGone(owner({ started: '' }))).toBe(false);
    expect(isGone(owner({ pid: deadPid(), started: '' }))).toBe(true);
  });

  it('does not take the processes of another container for its own', () => {
    const container = { ...HERE, pids: 'pid:[1]' };
    expect(isGone(owner({ place: container, pid: deadPid() }))).toBe(false);
    // A container has its own boot_id with some programs, and starts without its machine doing so.
    expect(isGone(owner({ place: { ...container, boot: 'before' }, pid: deadPid() }))).toBe(false);
  });

  it('knows that this machine was started anew since', () => {
    const before = { ...HERE, boot: 'before', pids: OUTERMOST };
    expect(isGone(owner({ place: before }))).toBe(HERE.pids === OUTERMOST);
    expect(isGone(owner({ place: { ...before, machine: 'another' } }))).toBe(false);
    expect(isGone(owner({ place: before, host: 'elsewhere' }))).toBe(false);
  });
});
