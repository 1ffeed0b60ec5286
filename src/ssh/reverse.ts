import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { orAbort, throwIfAborted } from './abort.js';
import { sshError } from './errors.js';
import type { Listener, SshTarget } from './port.js';

/** Ports on one host whose connections come here (`ssh -R`). */
export class ReverseForwards {
  /** By port: sshd may name another address than it was asked for, with GatewayPorts. */
  readonly #listening = new Map<number, (stream: Duplex) => void>();

  constructor(
    private readonly client: Client,
    private readonly target: SshTarget,
    private readonly gone: AbortSignal,
  ) {
    client.on('tcp connection', ({ destPort }, accept, reject) => {
      const onStream = this.#listening.get(destPort);
      if (onStream) onStream(accept());
      else reject();
    });
  }

  /** @throws CoreupError SSH_LISTEN or SSH_PORT_TAKEN, or SSH_LOST */
  async listen(host: string, port: number, onStream: (stream: Duplex) => void): Promise<Listener> {
    // A connection may come before the answer does.
    this.#listening.set(port, onStream);
    let real: number;
    try {
      real = await this.#bind(host, port);
    } catch (error) {
      this.#listening.delete(port);
      throwIfAborted(this.gone);
      throw await this.#refused(host, port, error);
    }
    this.#listening.delete(port);
    this.#listening.set(real, onStream);
    return {
      port: real,
      close: async () => {
        this.#listening.delete(real);
        await this.#unbind(host, real).catch(() => undefined); // with the connection, its ports are gone, too
      },
    };
  }

  /** sshd refuses without a reason. Whether it lets any port be opened tells one from the other. */
  async #refused(host: string, port: number, cause: unknown) {
    const place = `${host}:${port}`;
    const anyPort = port === 0 ? undefined : await this.#bind(host, 0).catch(() => undefined);
    if (anyPort === undefined) {
      return sshError(this.target, 'SSH_LISTEN', `sshd does not let coreup listen at ${place} there`, {
        hint: 'Allow it in /etc/ssh/sshd_config on the host: AllowTcpForwarding (yes or remote), PermitListen, no DisableForwarding.',
        cause,
      });
    }
    await this.#unbind(host, anyPort).catch(() => undefined);
    return sshError(this.target, 'SSH_PORT_TAKEN', `${place} is in use there (${messageOf(cause)})`, {
      hint: `See what it is, on the host: ss -ltnp 'sport = :${port}'`,
      cause,
    });
  }

  #bind(host: string, port: number): Promise<number> {
    return this.#orGone(
      (resolve, reject) =>
        void this.client.forwardIn(host, port, (error, real) => {
          if (error) reject(error);
          else resolve(port === 0 ? real : port);
        }),
    );
  }

  #unbind(host: string, port: number): Promise<void> {
    return this.#orGone<undefined>(
      (resolve, reject) =>
        void this.client.unforwardIn(host, port, (error?: Error | null) => {
          if (error) reject(error);
          else resolve(undefined);
        }),
    );
  }

  #orGone<T>(work: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return orAbort(
      new Promise<T>((resolve, reject) => {
        throwIfAborted(this.gone);
        work(resolve, reject);
      }),
      this.gone,
    );
  }
}
