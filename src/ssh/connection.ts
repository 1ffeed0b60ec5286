import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { abortReason, orAbort, stopOn, throwIfAborted } from './abort.js';
import { stream, terminalOf } from './attach.js';
import { bootstrap } from './bootstrap.js';
import { Channels } from './channels.js';
import { lost, sshError } from './errors.js';
import type { LoggedIn } from './handshake.js';
import { watchLiveness } from './liveness.js';
import { nudge } from './nudge.js';
import type { Connection, Exit, Listener, RunOptions, RunResult, Script, SshTarget, Streams } from './port.js';
import { ReverseForwards } from './reverse.js';
import { collect } from './run.js';
import { Elevation, type Begun, type InSession } from './elevation.js';
import type { SudoPasswords } from './sudo-passwords.js';
import { sudoRefusal, wantsPassword } from './sudo.js';

/** Milliseconds to wait for a polite goodbye. */
const CLOSE_TIMEOUT = 1000;

export interface ConnectionOptions {
  /** Milliseconds between keepalive requests, and how many in a row may stay without any sign of life. */
  readonly keepalive: { readonly interval: number; readonly count: number };
  readonly passwords: SudoPasswords;
  /** Told once when the connection is over, for whatever reason. */
  readonly onGone: () => void;
}

/** A Connection over an ssh2 client that has logged in. */
export class SshConnection implements Connection {
  readonly #client: LoggedIn['client'];
  readonly #socket: LoggedIn['socket'];
  readonly #channels = new Channels();
  readonly #gone = new AbortController();
  readonly #closed: Promise<void>;
  readonly #stopNudging: () => void;
  #reverse: ReverseForwards | undefined;
  readonly #elevation: Elevation;

  constructor(
    readonly target: SshTarget,
    { client, socket }: LoggedIn,
    { keepalive, passwords, onGone }: ConnectionOptions,
  ) {
    this.#elevation = new Elevation(target, passwords.of(target));
    this.#client = client;
    this.#socket = socket;
    this.#stopNudging = nudge(client, socket);
    let reason = 'the host closed it';
    const stopWatching = watchLiveness(socket, keepalive.interval, keepalive.count, () => {
      reason = `nothing was heard for ${(keepalive.interval * (keepalive.count + 1)) / 1000} s`;
      socket.destroy();
    });
    client.on('error', (error) => {
      reason = messageOf(error);
    });
    this.#closed = new Promise((resolve) => {
      client.once('close', () => {
        stopWatching();
        if (!this.#gone.signal.aborted) this.#gone.abort(lost(target, reason));
        onGone();
        resolve();
      });
    });
  }

  /** @throws CoreupError SSH_LOST, SSH_TIMEOUT, SSH_SUDO or SSH_SESSION */
  async run(script: Script, options: RunOptions = {}): Promise<RunResult> {
    const { command, head } = bootstrap(script);
    const { timeout } = options;
    const stop = stopOn(
      [this.#gone.signal, options.signal],
      timeout === undefined ? undefined : { after: timeout, error: () => this.#timedOut(timeout) },
    );
    const session: InSession = (line, use) =>
      this.#session((client, callback) => client.exec(line, callback), stop.signal, use, options.standing);
    const use = async ({ channel, stderr: heard }: Begun): Promise<RunResult> => {
      const input = inOrder(head, script.input ?? []);
      const { exit, stdout, stderr } = await orAbort(collect(channel, input, options.onStdout, heard), stop.signal);
      return { ...this.#known(exit, stop.signal), stdout, stderr };
    };
    try {
      if (script.sudo !== true) return await session(`exec ${command}`, (channel) => use(begunAt(channel)));
      const { untried } = this.#elevation;
      const result = await this.#elevation.run(command, stop.signal, session, use);
      const refusal = untried ? sudoRefusal(result) : undefined;
      if (refusal === undefined) return result;
      if (!wantsPassword(refusal)) throw this.#elevation.refused(refusal);
      this.#elevation.usePassword();
      return await this.#elevation.run(command, stop.signal, session, use);
    } finally {
      stop.dispose();
    }
  }

  /** @throws CoreupError SSH_LOST, SSH_SESSION or SSH_SUDO */
  async attach(command: string | undefined, streams: Streams): Promise<Exit> {
    const pty = streams.terminal === true ? terminalOf(streams.stdout) : undefined;
    // What sudo wants is found out before, since what it prints here goes to the streams.
    if (streams.sudo === true)
      await this.run({ text: ':', sudo: true }, streams.signal === undefined ? {} : { signal: streams.signal });
    const stop = stopOn([this.#gone.signal, streams.signal]);
    const session: InSession = (line, use) =>
      this.#session(
        (client, callback) => client.exec(line, pty === undefined ? {} : { pty }, callback),
        stop.signal,
        use,
      );
    const use = ({ channel, stderr }: Begun): Promise<Exit | undefined> => {
      if (stderr.length > 0) streams.stderr.write(stderr);
      return stream(channel, streams, stop.signal);
    };
    try {
      const exit = await (command === undefined
        ? this.#session(
            (client, callback) => client.shell(pty ?? false, callback),
            stop.signal,
            (channel) => use(begunAt(channel)),
          )
        : streams.sudo === true
          ? this.#elevation.run(command, stop.signal, session, use)
          : session(command, (channel) => use(begunAt(channel))));
      return this.#known(exit, stop.signal);
    } finally {
      stop.dispose();
    }
  }

  /** @throws CoreupError SSH_FORWARD where the host cannot reach that port, or SSH_LOST */
  forward(host: string, port: number): Promise<Duplex> {
    return this.#forwarded(
      (client, callback) => client.forwardOut('127.0.0.1', 0, host, port, callback),
      `${host}:${port}`,
      'Check that the service listens there, and that sshd allows TCP forwarding (AllowTcpForwarding).',
    );
  }

  /** @throws CoreupError SSH_FORWARD where there is no such socket or the user may not open it, or SSH_LOST */
  forwardSocket(path: string): Promise<Duplex> {
    return this.#forwarded(
      (client, callback) => client.openssh_forwardOutStreamLocal(path, callback),
      path,
      `Check that the service listens there, that ${this.target.user} may open the socket, and that sshd allows it (AllowStreamLocalForwarding).`,
    );
  }

  async #forwarded(
    open: (client: LoggedIn['client'], callback: (error: Error | undefined, channel: ClientChannel) => void) => unknown,
    to: string,
    hint: string,
  ): Promise<Duplex> {
    const opened = new Promise<ClientChannel>((resolve, reject) => {
      throwIfAborted(this.#gone.signal);
      open(this.#client, (error, channel) => {
        if (error) reject(error);
        else resolve(channel);
      });
    });
    try {
      return await orAbort(opened, this.#gone.signal);
    } catch (error) {
      throwIfAborted(this.#gone.signal);
      throw sshError(this.target, 'SSH_FORWARD', `no connection from there to ${to} (${messageOf(error)})`, {
        hint,
        cause: error,
      });
    }
  }

  /** @throws CoreupError SSH_LISTEN, SSH_PORT_TAKEN or SSH_LOST */
  listen(host: string, port: number, onStream: (stream: Duplex) => void): Promise<Listener> {
    this.#reverse ??= new ReverseForwards(this.#client, this.target, this.#gone.signal);
    return this.#reverse.listen(host, port, onStream);
  }

  async close(): Promise<void> {
    this.#stopNudging();
    if (!this.#gone.signal.aborted) this.#gone.abort(lost(this.target, 'coreup has closed it'));
    this.#client.end();
    const timer = setTimeout(() => {
      this.#socket.destroy(); // not the client's destroy(): that does nothing after end()
    }, CLOSE_TIMEOUT);
    await this.#closed;
    clearTimeout(timer);
  }

  /**
   * A session channel; rejects at once when `stop` aborts, and leaves nothing open then.
   *
   * @param use must itself end soon when `stop` aborts: what it cleans up is done before anything is reported
   */
  async #session<T>(
    open: (client: LoggedIn['client'], callback: (error: Error | undefined, channel: ClientChannel) => void) => unknown,
    stop: AbortSignal,
    use: (channel: ClientChannel) => Promise<T>,
    standing = false,
  ): Promise<T> {
    let using: Promise<T> | undefined;
    try {
      return await orAbort(
        this.#channels.with(
          (callback) => open(this.#client, callback),
          stop,
          (channel) => {
            this.#stopNudging();
            return (using = use(channel));
          },
          standing,
        ),
        stop,
      );
    } catch (error) {
      await using?.catch(() => undefined);
      throwIfAborted(stop);
      if (!/Channel open failure|Unable to/.test(messageOf(error))) throw error;
      throw sshError(this.target, 'SSH_SESSION', `the host refused to open a session (${messageOf(error)})`, {
        hint: "Look into sshd's log on the host: MaxSessions, ForceCommand, PermitTTY and the account's shell can be the cause.",
        cause: error,
      });
    }
  }

  #known(exit: Exit | undefined, stop: AbortSignal): Exit {
    if (exit !== undefined) return exit;
    throw stop.aborted ? abortReason(stop) : lost(this.target, 'the session ended without an exit status');
  }

  #timedOut(timeout: number) {
    return sshError(this.target, 'SSH_TIMEOUT', `a command did not finish within ${timeout / 1000} s`, {
      hint: 'The host may be overloaded or hanging; log in and look, then run the same command again.',
    });
  }
}

function begunAt(channel: ClientChannel): Begun {
  return { channel, stderr: Buffer.alloc(0) };
}

async function* inOrder(head: Uint8Array, rest: NonNullable<Script['input']>): AsyncIterable<Uint8Array> {
  yield head;
  yield* rest;
}
