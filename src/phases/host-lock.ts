import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { holdScript, lockMessages, SILENCE } from '../plan/lock-script.js';
import { isChange } from '../plan/step.js';
import type { Connection } from '../ssh/port.js';
import { describeSelf, nameOf, parseOwner } from '../state/owner.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError } from '../util/errors.js';
import { MembersFailedError, onAll } from './failures.js';
import { remoteError } from './remote.js';
import type { HostRun, UpRun } from './run.js';
import { runPhases, type Phase } from './runner.js';

/** Milliseconds between two signs of life. */
const BEAT = 5000;
/** Seconds to wait for a holder that may be about to let go again, when it comes to taking the locks in order. */
const TURN = 2;
/** Milliseconds to wait for a host to let go: it does so by itself when the connection ends. */
const RELEASE = 1000;

/** What became of one attempt to take a host's lock. */
type Attempt =
  | {
      readonly kind: 'taken';
      readonly generation: string;
      readonly waited: boolean;
      readonly release: () => Promise<void>;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** The locks of a run on its hosts: two people, or two copies of a project, do not change the same hosts at once. */
export class HostLocks {
  /** Names this run on the hosts. */
  readonly id: string = randomUUID();
  readonly #releases: (() => Promise<void>)[] = [];
  readonly #stale = new Set<HostRun>();

  constructor(private readonly command: string) {}

  /**
   * Takes the locks of all hosts, or none. At first all at once; where somebody is in the way, who may want them all, too,
   * once more one after the other, in an order that is the same for everybody: then one of both gets them.
   *
   * @returns those hosts that may have been changed since they were looked at
   * @throws MembersFailedError naming the owner of each lock that is held
   */
  async take(run: UpRun): Promise<readonly HostRun[]> {
    if (this.#releases.length > 0) return [];
    const hosts = [...run.hosts].sort((a, b) => (a.observation.machineId < b.observation.machineId ? -1 : 1));
    try {
      const refused = await this.#attempt(hosts, 0, run);
      if (refused.size > 0) {
        await this.release();
        for (const group of [hosts.slice(0, 1), hosts.slice(1)]) {
          const still = await this.#attempt(group, TURN, run);
          if (still.size > 0) throw lockedHosts(still);
        }
      }
    } catch (error) {
      await this.release();
      throw error;
    }
    return [...this.#stale];
  }

  /** Gives them back. Does not fail: what holds them on the hosts ends with the connection at the latest. */
  async release(): Promise<void> {
    await Promise.all(this.#releases.splice(0).map((release) => release()));
  }

  /** @returns why hosts are refused */
  async #attempt(hosts: readonly HostRun[], wait: number, run: UpRun): Promise<ReadonlyMap<HostRun, string>> {
    const refused = new Map<HostRun, string>();
    const owner = JSON.stringify({ ...describeSelf(this.command), id: this.id });
    await onAll('no host was changed, since these could not be locked', hosts, run.reporter, async (host) => {
      const onWaiting = (): void => run.reporter.member(host.name, 'waiting for a step of the last run to end');
      const attempt = await hold(host.connection, holdScript(owner, this.id, wait), { onWaiting, signal: run.signal });
      if (attempt.kind === 'refused') {
        refused.set(host, attempt.reason);
        return;
      }
      this.#releases.push(attempt.release);
      const { generation, waited } = attempt;
      const changed = generation !== host.observation.generation && !generation.includes(this.id);
      if (waited || changed) this.#stale.add(host);
    });
    return refused;
  }
}

/**
 * Locks the hosts where there is something to change, and looks again at them if somebody may have changed them since.
 *
 * @param look the phases that look and compare
 */
export function lockHosts(look: readonly Phase<UpRun>[]): Phase<UpRun> {
  return {
    title: 'Locking the hosts',
    skip: ({ hosts }) => hosts.every(({ plan }) => plan.apply.length === 0 && plan.finish.length === 0),
    async run(run) {
      run.journal?.plan(Object.fromEntries(run.hosts.map((host) => [host.name, wishes(host).length])));
      const stale = await run.locks.take(run);
      if (stale.length === 0) return;
      const names = stale.map(({ name }) => name).join(', ');
      run.reporter.info(`${names}: changed since it was looked at, so all are looked at again`);
      const agreed = new Set(run.hosts.flatMap(wishes));
      await runPhases(look, run);
      const surprise = run.hosts.flatMap(wishes).find((wish) => !agreed.has(wish));
      if (surprise === undefined) return;
      throw hostsChanged('no host was changed', stale, `: now there is also ${surprise}`);
    },
  };
}

/** Locks the hosts for a change that is no step of theirs, such as one of fleet's units. */
export async function lockForServices(run: UpRun): Promise<void> {
  const stale = await run.locks.take(run);
  if (stale.length === 0) return;
  throw hostsChanged('no service was changed', stale);
}

function hostsChanged(what: string, hosts: readonly HostRun[], more = ''): CoreupError {
  const names = hosts.map(({ name }) => name).join(', ');
  return new CoreupError(`${what}, since somebody else changed ${names} meanwhile${more}`, {
    code: 'HOSTS_CHANGED',
    hint: 'Run it again: it looks at the hosts anew.',
  });
}

/** The steps of a host, each in a few words. */
function wishes({ name, plan }: HostRun): readonly string[] {
  return [...plan.apply, ...plan.finish].filter(isChange).map(({ kind, target }) => `${kind} ${target} on ${name}`);
}

/** For a run whose lock has passed to somebody else: it was halted, or cut off, for long. */
export function lockLost(owner: string): CoreupError {
  return new CoreupError(`the lock of this host has passed to ${nameOf(parseOwner(owner))}`, {
    code: 'LOCK_LOST',
    hint: `A lock ends after ${SILENCE} s without a sign of life. Run it again when the other one has ended.`,
  });
}

/** @throws CoreupError for a host that can hold no lock; SSH_LOST; InterruptedError */
async function hold(
  connection: Connection,
  text: string,
  { onWaiting, signal }: { readonly onWaiting: () => void; readonly signal: AbortSignal },
): Promise<Attempt> {
  const end = new AbortController();
  let heard = '';
  let told = 0;
  const attempt = new Promise<Attempt>((resolve, reject) => {
    const ended = connection.run(
      { text, sudo: true, input: signsOfLife(end.signal) },
      {
        standing: true,
        onStdout: (chunk) => {
          heard += chunk.toString();
          const messages = lockMessages(heard);
          for (const { word, text: said } of messages.slice(told)) {
            if (word === 'waiting') onWaiting();
            else if (word === 'taken' || word === 'waited') {
              resolve({ kind: 'taken', generation: said.trim(), waited: word === 'waited', release });
            } else resolve({ kind: 'refused', reason: refusal(word, said) });
          }
          told = messages.length;
        },
      },
    );
    const release = async (): Promise<void> => {
      end.abort();
      await Promise.race([ended.catch(() => undefined), delay(RELEASE, undefined, { ref: false })]);
    };
    // After the lock was taken this goes unheard: whatever is made then fails by itself.
    ended.then((result) => reject(remoteError('locking the host', result)), reject).finally(() => end.abort());
  });
  try {
    return await orAbort(attempt, signal);
  } catch (error) {
    end.abort();
    throw error;
  }
}

async function* signsOfLife(end: AbortSignal): AsyncIterable<Uint8Array> {
  while (!end.aborted) {
    yield Buffer.from('.');
    await delay(BEAT, undefined, { signal: end, ref: false }).catch(() => undefined);
  }
}

function refusal(word: string, said: string): string {
  if (word === 'held') return `is locked by ${nameOf(parseOwner(said))}`;
  const owner = parseOwner(said.slice(said.indexOf('\n') + 1));
  return `is still busy with a step of ${nameOf(owner)}, which has ended itself: see \`systemctl list-jobs\` there`;
}

function lockedHosts(refusals: ReadonlyMap<HostRun, string>): MembersFailedError {
  return new MembersFailedError(
    'no host was changed, since these are locked',
    [...refusals].map(([{ name }, message]) => ({
      member: name,
      message,
      hint: `Wait until it has ended, or end it: a lock goes with its owner, after ${SILENCE} s of silence where the connection just broke off.`,
    })),
  );
}
