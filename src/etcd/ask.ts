import { CoreupError } from '../util/errors.js';
import { askWithin, type Dial, type HttpAnswer, type HttpQuestion } from '../util/http.js';

/**
 * One request to an etcd and its whole answer, over a stream of its own.
 *
 * @param limit milliseconds for all of it, since a member without a leader answers some requests late or never
 * @throws CoreupError ETCD_REQUEST, or what `dial` throws
 */
export function ask(dial: Dial, question: HttpQuestion, limit: number): Promise<HttpAnswer> {
  return askWithin(dial, question, limit, (reason, cause) =>
    problem(`etcd did not answer ${question.path}${reason}`, cause),
  );
}

/** An etcd that cannot be asked, or does not answer as it should. */
export function problem(message: string, cause?: unknown): CoreupError {
  return new CoreupError(message, { code: 'ETCD_REQUEST', cause });
}
