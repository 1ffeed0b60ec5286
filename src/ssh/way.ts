import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { CoreupError, messageOf } from '../util/errors.js';
import { AttemptError } from './attempt-error.js';
import { describeTarget } from './errors.js';
import type { Connection, SshTarget } from './port.js';

/** A byte stream to a host's sshd that is being opened. */
export interface Way {
  /** What is being waited for. */
  readonly stage: string;
  readonly opened: Promise<Duplex>;
  /** Lets go of it, also when it is opened later. */
  abandon(): void;
}

/** @param jump the connection to the host that this one is behind; without it the network is dialled */
export function wayTo(target: SshTarget, jump: Connection | undefined): Way {
  return jump === undefined ? dialled(target) : forwarded(target, jump);
}

function dialled({ address, port, dial: { family, from } = {} }: SshTarget): Way {
  const families = family ?? (from === undefined ? 0 : isIP(from));
  const socket = connect({
    host: address,
    port,
    noDelay: true,
    ...(families === 0 ? {} : { family: families }),
    ...(from === undefined ? {} : { localAddress: from }),
  });
  const opened = new Promise<Duplex>((resolve, reject) => {
    socket.once('connect', () => {
      resolve(socket);
    });
    // Stays for good: an error that nobody hears would end the process.
    socket.on('error', reject);
  });
  return {
    stage: 'no answer from the network',
    opened,
    abandon: () => {
      socket.destroy();
    },
  };
}

function forwarded({ address, port }: SshTarget, jump: Connection): Way {
  const through = describeTarget(jump.target);
  const opened = jump.forward(address, port).catch((error: unknown) => {
    throw new AttemptError(isForbidden(error) ? 'incompatible' : 'unreachable', reasonOf(error, through), error);
  });
  return {
    stage: `no answer through ${through}`,
    opened,
    abandon: () => {
      opened.then(
        (stream) => stream.destroy(),
        () => undefined,
      );
    },
  };
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, section 5.1). */
function isForbidden(error: unknown): boolean {
  const { reason } = (error as { cause?: { reason?: unknown } }).cause ?? {};
  return reason === 1;
}

function reasonOf(error: unknown, through: string): string {
  if (isForbidden(error)) return `${through} forwards no connections (AllowTcpForwarding in its sshd_config)`;
  if (error instanceof CoreupError && error.code === 'SSH_FORWARD') {
    return `no connection from ${through} (${messageOf(error.cause).replace(/^.*open failure: /, '')})`;
  }
  return messageOf(error);
}
