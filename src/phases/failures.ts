import { CoreupError, InterruptedError, messageOf } from '../util/errors.js';
import type { Reporter } from '../report/port.js';

/** What went wrong on which member. */
export interface MemberFailure {
  readonly member: string;
  readonly message: string;
  /** That of the error; absent for a fault of this program. */
  readonly code?: string;
  readonly hint?: string;
  /** More for the person to read, such as the tail of a journal. */
  readonly detail?: string;
}

/** Some members failed: exit code 1, each named with its reason. */
export class MembersFailedError extends CoreupError {
  constructor(
    what: string,
    readonly failures: readonly MemberFailure[],
  ) {
    super(`${what}: ${failures.map((failure) => failure.member).join(', ')}`, { code: 'MEMBERS_FAILED' });
  }
}

/**
 * Does the same on many members at once and waits for all of them, also when some fail.
 *
 * @param what completes the sentence "… : core-02, core-03" when some have failed
 * @throws MembersFailedError naming every member that failed; InterruptedError if that is why some have ended
 */
export async function onAll<T extends { readonly name: string }, R>(
  what: string,
  members: readonly T[],
  reporter: Reporter,
  work: (member: T) => Promise<R>,
): Promise<R[]> {
  const results = await Promise.allSettled(members.map(work));
  let interrupted: InterruptedError | undefined;
  const failures = results.flatMap((result, position): MemberFailure[] => {
    if (result.status === 'fulfilled') return [];
    const reason: unknown = result.reason;
    if (reason instanceof InterruptedError) {
      interrupted = reason;
      return [];
    }
    return [failureOf(members[position]?.name ?? '?', reason)];
  });
  for (const failure of failures) reporter.member(failure.member, failure.message, 'failed');
  if (interrupted) throw interrupted;
  if (failures.length > 0) throw new MembersFailedError(what, failures);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** @param error whatever the work on this member threw */
export function failureOf(member: string, error: unknown): MemberFailure {
  const known = error instanceof CoreupError ? error : undefined;
  const detail = (error as { detail?: unknown } | undefined)?.detail;
  return {
    member,
    message: messageOf(error),
    ...(known === undefined ? {} : { code: known.code }),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}
