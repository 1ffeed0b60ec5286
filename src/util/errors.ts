/** A place in a file that a person wrote. Line and column count from 1. */
export interface Location {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorDetails {
  /** A stable, greppable name such as `SSH_HOST_KEY_CHANGED`. */
  readonly code: string;
  /** What to do next, as a sentence; where there is one, with the exact command. */
  readonly hint?: string;
  /** The member it happened to. */
  readonly member?: string;
  readonly cause?: unknown;
}

/** Anything that coreup reports to a person without a stack trace. Ends the program with `exitCode`. */
export class CoreupError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly member: string | undefined;
  readonly exitCode: number = 1;

  constructor(message: string, details: ErrorDetails) {
    super(message, { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.hint = details.hint;
    this.member = details.member;
  }
}

/** The user's input (config, flags, user-data, unit) is wrong: exit code 2, and nothing has been changed. */
export class InputError extends CoreupError {
  override readonly exitCode = 2;
  readonly location: Location | undefined;
  /** Source lines around the place, with a caret; ready to print. */
  readonly frame: string | undefined;

  constructor(message: string, details: ErrorDetails & { location?: Location; frame?: string }) {
    super(message, details);
    this.location = details.location;
    this.frame = details.frame;
  }
}

/** Ctrl-C or a termination signal: exit code 130. */
export class InterruptedError extends CoreupError {
  override readonly exitCode = 130;

  constructor(message = 'interrupted', hint?: string) {
    super(message, { code: 'INTERRUPTED', ...(hint === undefined ? {} : { hint }) });
  }
}

/** The message of anything that was thrown; never empty, also for errors that have none (several addresses refused). */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, errors, code, name } = error as {
    message?: unknown;
    errors?: unknown;
    code?: string | number;
    name?: string;
  };
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors) && errors.length > 0) return [...new Set(errors.map(messageOf))].join('; ');
  return String(code ?? name ?? 'unknown error');
}
