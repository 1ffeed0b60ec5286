import { orAbort, stopOn } from './abort.js';
import { AttemptError, attemptError } from './attempt-error.js';
import type { Connection, SshTarget } from './port.js';
import type { Questions } from './questions.js';
import { showCertificate } from './show-certificate.js';
import { wayTo } from './way.js';

export interface CertificateOptions {
  /** The connection to the host that this one is behind. */
  readonly jump?: Connection | undefined;
  /** Milliseconds from dialling to the certificate; time in which a person is asked does not count. */
  readonly timeout: number;
  readonly questions: Questions;
  readonly signal: AbortSignal;
  /** Told what is being waited for, for the message when it takes too long. */
  readonly onStage: (stage: string) => void;
}

/**
 * Asks a host for its certificate over a connection of its own, on the same way as the login.
 *
 * @returns undefined where the host has none
 * @throws AttemptError when the host could not be reached; the signal's reason
 */
export async function certificateOf(target: SshTarget, options: CertificateOptions): Promise<Buffer | undefined> {
  const { jump, timeout, questions, signal, onStage } = options;
  const over = new AbortController();
  const way = wayTo(target, jump);
  let stage = way.stage;
  onStage(stage);
  const stopTimer = questions.timer(timeout, () => {
    over.abort(new AttemptError('unreachable', `${stage} within ${timeout / 1000} s`));
  });
  const stop = stopOn([signal, over.signal]);
  try {
    const stream = await orAbort(way.opened, stop.signal);
    onStage((stage = 'connected, but no SSH handshake'));
    return await orAbort(showCertificate(stream, target.algorithms), stop.signal);
  } catch (error) {
    throw attemptError(error as Error);
  } finally {
    stopTimer();
    stop.dispose();
    way.abandon();
  }
}
