import type { Duplex } from 'node:stream';
import type { Connection } from '../ssh/port.js';
import { CoreupError, messageOf } from '../util/errors.js';

/**
 * What a host finds at a port of another one: something that listens; the other host, which refuses; nothing at all; or
 * it cannot be told, since sshd forwards no ports.
 */
export type PortAnswer =
  | { readonly kind: 'open' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Tries a TCP port from a host, over its sshd: no program is needed there.
 *
 * @param limit milliseconds after which the port counts as blocked: packets that are dropped bring no answer
 * @throws CoreupError SSH_LOST and the like
 */
export async function tryPort(connection: Connection, host: string, port: number, limit: number): Promise<PortAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<PortAnswer>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'blocked', reason: `no answer within ${limit / 1000} s` }), limit);
  });
  const opening = connection.forward(host, port).then(closed, judge);
  try {
    return await Promise.race([opening, late]);
  } finally {
    clearTimeout(timer);
    // What comes of it later is of no interest.
    opening.catch(() => undefined);
  }
}

function closed(stream: Duplex): PortAnswer {
  stream.on('error', () => undefined);
  stream.destroy();
  return { kind: 'open' };
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const PROHIBITED = 1;

/** What sshd says of a channel that it did not open: what connect(2) said, or that it is not allowed (RFC 4254, 5.1). */
function judge(error: unknown): PortAnswer {
  if (!(error instanceof CoreupError) || error.code !== 'SSH_FORWARD') throw error;
  const said = messageOf(error.cause);
  const [, reason = said] = /open failure: (.+)$/.exec(said) ?? [];
  if ((error.cause as { reason?: unknown } | undefined)?.reason === PROHIBITED) return { kind: 'unknown', reason };
  if (/refused/i.test(reason)) return { kind: 'refused' };
  return { kind: 'blocked', reason };
}
