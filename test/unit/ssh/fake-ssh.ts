import { PassThrough, type Duplex } from 'node:stream';
import type {
  Connection,
  ConnectOptions,
  Exit,
  RunOptions,
  RunResult,
  Script,
  Ssh,
  SshTarget,
  Streams,
} from '../../../src/ssh/port.js';
import { CoreupError } from '../../../src/util/errors.js';

/** What a fake host answers; what is left out is success without output. */
export interface Reply {
  readonly code?: number;
  readonly signal?: string;
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string;
  /** Thrown instead of an answer. */
  readonly error?: Error;
}

/** One thing that was asked of a host, in the order in which it came. */
export interface Recorded {
  readonly host: string;
  readonly kind: 'connect' | 'run' | 'attach' | 'forward' | 'listen' | 'close';
  /** The script's text, the attached command, `host:port`, or the path of a socket. */
  readonly text: string;
  readonly sudo: boolean;
  readonly input: Buffer;
}

type Answer = Reply | ((request: Recorded) => Reply | undefined);

/**
 * A FAKE of the SSH port for unit tests: no network, no shell. Replies are scripted, and everything that was asked is
 * recorded in `requests`. A script that no reply was given for is an error, so that a test says all it relies on.
 */
export class FakeSsh implements Ssh {
  readonly requests: Recorded[] = [];
  readonly #replies: { host: string | undefined; matches: (text: string) => boolean; answers: Answer[] }[] = [];
  readonly #unreachable = new Map<string, Error>();
  readonly #connections = new Map<string, Connection>();

  prepare(): void {
    // There is nothing to load.
  }

  /**
   * Answers scripts (and attached commands) that hold `pattern`. Of several answers each is used once, in turn, the
   * last one for good. A later rule goes before an earlier one.
   */
  reply(pattern: string | RegExp, ...answers: readonly Answer[]): this {
    return this.replyOn(undefined, pattern, ...answers);
  }

  /** The same, on one host only (by the target's name). */
  replyOn(host: string | undefined, pattern: string | RegExp, ...answers: readonly Answer[]): this {
    const matches = (text: string) => (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text));
    this.#replies.unshift({ host, matches, answers: answers.length === 0 ? [{}] : [...answers] });
    return this;
  }

  /** Makes `connect` fail for a host, by default as one that is not reachable. */
  unreachable(
    host: string,
    error: Error = new CoreupError(`${host}: not reachable over SSH: connection refused`, {
      code: 'SSH_UNREACHABLE',
      member: host,
    }),
  ): this {
    this.#unreachable.set(host, error);
    return this;
  }

  /** The scripts that ran, on all hosts or on one. */
  scripts(host?: string): string[] {
    return this.requests
      .filter((request) => request.kind === 'run' && (host === undefined || request.host === host))
      .map(({ text }) => text);
  }

  connect(target: SshTarget, { signal }: ConnectOptions): Promise<Connection> {
    return this.#attempt(() => {
      signal?.throwIfAborted();
      const error = this.#unreachable.get(target.name);
      if (error !== undefined) throw error;
      const standing = this.#connections.get(target.name);
      if (standing !== undefined) return standing;
      this.#record(target.name, 'connect', `${target.user}@${target.address}:${target.port}`);
      const connection = this.#connection(target);
      this.#connections.set(target.name, connection);
      return connection;
    });
  }

  close(): Promise<void> {
    this.#connections.clear();
    return Promise.resolve();
  }

  #connection(target: SshTarget): Connection {
    return {
      target,
      run: (script, options) => this.#attempt(() => this.#run(target, script, options)),
      attach: (command, streams) => this.#attempt(() => this.#attach(target, command ?? '', streams)),
      forward: (host, port) =>
        this.#attempt((): Duplex => {
          this.#record(target.name, 'forward', `${host}:${port}`);
          return new PassThrough();
        }),
      forwardSocket: (path) =>
        this.#attempt((): Duplex => {
          this.#record(target.name, 'forward', path);
          return new PassThrough();
        }),
      listen: (host, port) =>
        this.#attempt(() => {
          this.#record(target.name, 'listen', `${host}:${port}`);
          return { port, close: () => Promise.resolve() };
        }),
      close: () =>
        this.#attempt(() => {
          this.#record(target.name, 'close', '');
          this.#connections.delete(target.name);
        }),
    };
  }

  #run(target: SshTarget, script: Script, options: RunOptions = {}): RunResult {
    options.signal?.throwIfAborted();
    const request = this.#record(target.name, 'run', script.text, script.sudo ?? false, script.input);
    const { code, signal, stdout, stderr } = this.#answer(request);
    const out = Buffer.from(stdout);
    if (out.length > 0) options.onStdout?.(out);
    return { code, signal, stdout: out, stderr: Buffer.from(stderr) };
  }

  #attach(target: SshTarget, command: string, streams: Streams): Exit {
    const { code, signal, stdout, stderr } = this.#answer(this.#record(target.name, 'attach', command));
    streams.stdout.write(stdout);
    streams.stderr.write(stderr);
    return { code, signal };
  }

  #answer(request: Recorded): Exit & { stdout: Buffer; stderr: string } {
    for (const { host, matches, answers } of this.#replies) {
      if ((host !== undefined && host !== request.host) || !matches(request.text)) continue;
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      const reply = typeof answer === 'function' ? answer(request) : answer;
      if (reply === undefined) continue;
      if (reply.error !== undefined) throw reply.error;
      const { code = 0, signal = null, stdout = '', stderr = '' } = reply;
      return { code: signal === null ? code : null, signal, stdout: Buffer.from(stdout as string), stderr };
    }
    throw new Error(`the fake host ${request.host} has no reply for: ${request.text}`);
  }

  #record(host: string, kind: Recorded['kind'], text: string, sudo = false, input: Script['input'] = []): Recorded {
    // What comes by and by is not waited for.
    const whole = Array.isArray(input) ? (input as readonly Uint8Array[]) : [];
    const request = { host, kind, text, sudo, input: Buffer.concat(whole) };
    this.requests.push(request);
    return request;
  }

  /** As a promise, and never in the caller's own turn, like the real one. */
  async #attempt<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    return work();
  }
}
