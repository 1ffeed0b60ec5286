import { tokenUrlProblem, withoutSlash } from '../cluster/discovery-url.js';
import { CoreupError } from '../util/errors.js';
import { fetchText, hostOf, said, type FetchOptions, type Limits } from './fetch.js';

/** Where a token is asked for if config.ts names no other service. */
export const PUBLIC_SERVICE = 'https://discovery.etcd.io/new';

/** Four attempts in about 45 seconds; the answer is one URL. */
const LIMITS: Limits = { timeout: 10_000, pauses: [1000, 2000, 4000], bytes: 2048 };

/** What to do without a service that does not work. */
export const WITHOUT_SERVICE =
  "Instead: discovery: { mode: 'static' } needs no service, since coreup knows the addresses; { mode: 'ephemeral' } lets " +
  "coreup serve the token itself; { mode: 'custom' } uses an etcd of your own.";

export type AskOptions = Partial<Limits> & Pick<FetchOptions, 'signal' | 'onRetry'>;

/**
 * Asks a discovery service for a new token.
 *
 * @param service URL that gives a token, such as {@link PUBLIC_SERVICE}; what its query already says stays
 * @param size how many members will register
 * @returns the discovery URL, token included, checked as in {@link tokenUrlProblem}
 * @throws CoreupError DISCOVERY_* with what the service did and what else there is; InterruptedError
 */
export async function askNewToken(service: string, size: number, options: AskOptions = {}): Promise<string> {
  const asked = new URL(service);
  asked.searchParams.set('size', String(size));
  let answer;
  try {
    answer = await fetchText(asked.href, { ...LIMITS, ...options });
  } catch (error) {
    if (!(error instanceof CoreupError) || !error.code.startsWith('DISCOVERY_')) throw error;
    throw refused(service, error.message, error.code, error.hint, error);
  }
  const { status, location, text } = answer;
  if (status >= 300 && status < 400) {
    const to = location === undefined ? 'nowhere' : said(location).slice(2);
    throw refused(
      service,
      `${hostOf(service)} redirects to ${to}, which coreup does not follow`,
      'DISCOVERY_ANSWER',
      'If that is the service you mean, name it with new_discovery_url.',
    );
  }
  if (status !== 200 && status !== 201) {
    throw refused(service, `${hostOf(service)} answers ${status}${said(text)}`, 'DISCOVERY_ANSWER');
  }
  const url = text.trim();
  const problem = tokenUrlProblem(url, service);
  if (problem === undefined) return withoutSlash(url);
  throw refused(
    service,
    `${hostOf(service)} answers with no discovery URL (${problem})${said(text)}`,
    'DISCOVERY_ANSWER',
  );
}

function refused(service: string, reason: string, code: string, hint?: string, cause?: unknown): CoreupError {
  return new CoreupError(`no discovery token from ${service}: ${reason}`, {
    code,
    hint: hint === undefined ? WITHOUT_SERVICE : `${hint} ${WITHOUT_SERVICE}`,
    cause,
  });
}
