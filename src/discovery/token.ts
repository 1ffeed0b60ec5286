import * as z from 'zod';
import { CoreupError } from '../util/errors.js';
import { fetchText, hostOf, said, type Limits } from './fetch.js';
import { isRegistrationOf, parseRegistration, type Expected, type Registration } from './registration.js';
import type { AskOptions } from './service.js';

/** What a discovery service has under a token. */
export interface TokenView {
  /** How many members it waits for. */
  readonly size: number;
  /** In the order in which they have registered. */
  readonly members: readonly Registration[];
}

/** A registration has some hundred bytes; 1000 hosts are the most that a config takes. */
const LIMITS: Limits = { timeout: 5000, pauses: [500, 1500], bytes: 512 * 1024 };

/** Answers of etcd's v2 keys API, as far as they are looked at (etcd, Documentation/v2/api.md). */
const leafSchema = z.object({ node: z.object({ value: z.string() }) });
const directorySchema = z.object({
  node: z.object({
    nodes: z
      .array(z.object({ key: z.string(), value: z.string().default(''), createdIndex: z.number() }))
      .max(2000)
      .default([]),
  }),
});
const KEY_NOT_FOUND = 100;

/**
 * Looks at a token without changing anything.
 *
 * @param url the discovery URL, token included
 * @throws CoreupError DISCOVERY_UNREACHABLE, DISCOVERY_UNAVAILABLE, DISCOVERY_ANSWER, or DISCOVERY_TOKEN where the service
 *   does not know the token; InterruptedError
 */
export async function look(url: string, options: AskOptions = {}): Promise<TokenView> {
  const limits = { ...LIMITS, ...options };
  const sizeText = (await get(url, '/_config/size', leafSchema, limits)).node.value;
  const size = /^[1-9]\d{0,3}$/.test(sizeText) ? Number(sizeText) : undefined;
  if (size === undefined) throw wrong(url, `its size is${said(sizeText) || ': ""'}, which is no number of members`);
  const { node } = await get(url, '', directorySchema, limits);
  const members = node.nodes
    .map(({ key, value, createdIndex }) => ({ id: key.slice(key.lastIndexOf('/') + 1), value, createdIndex }))
    .filter(({ id }) => id !== '_config')
    .sort((a, b) => a.createdIndex - b.createdIndex)
    .map(({ id, value }) => ({ id, ...(parseRegistration(value) ?? { name: '', peerUrls: [] }) }));
  return { size, members };
}

/**
 * Refuses a token that is not for this cluster: made for another size, or used by somebody else. Pure.
 *
 * @returns the names of the members that have registered already
 * @throws CoreupError DISCOVERY_SIZE or DISCOVERY_FOREIGN
 */
export function checkToken(
  url: string,
  { size, members }: TokenView,
  expected: readonly Expected[],
): readonly string[] {
  const foreign = members.filter((member) => !expected.some((own) => isRegistrationOf(member, own)));
  if (foreign.length > 0) {
    const who = foreign.map(({ id, name, peerUrls }) => `${name || id} (${peerUrls.join(', ') || 'unreadable'})`);
    throw new CoreupError(
      `the discovery token ${tokenOf(url)} is used by others: ${who.slice(0, 5).join(', ')}${who.length > 5 ? ', …' : ''} ` +
        `${who.length === 1 ? 'has' : 'have'} registered and ${who.length === 1 ? 'is' : 'are'} not in this cluster`,
      {
        code: 'DISCOVERY_FOREIGN',
        hint: 'A token is for one cluster and one founding. Take another: `coreup token new`, or another url in config.ts.',
      },
    );
  }
  if (size !== expected.length) {
    throw new CoreupError(
      `the discovery token ${tokenOf(url)} waits for ${size} ${size === 1 ? 'member' : 'members'}; ` +
        `this cluster has ${expected.length} etcd ${expected.length === 1 ? 'member' : 'members'}`,
      {
        code: 'DISCOVERY_SIZE',
        hint: 'The size of a token cannot be changed. Take another: `coreup token new`, or another url in config.ts.',
      },
    );
  }
  const names = members.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new CoreupError(`${twice} has registered twice with the discovery token ${tokenOf(url)}`, {
    code: 'DISCOVERY_FOREIGN',
    hint: 'Names must differ, and no cluster can come of this token any more: `coreup token new`.',
  });
}

/** The last part of a discovery URL: what tells one token from another. */
export function tokenOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

async function get<T>(url: string, below: string, schema: z.ZodType<T>, limits: Limits & AskOptions): Promise<T> {
  const { status, location, text } = await fetchText(`${url}${below}`, limits);
  if (status >= 300 && status < 400) {
    throw wrong(url, `redirects to ${said(location ?? 'nowhere').slice(2)}; etcd members would not arrive`);
  }
  const value = parseJson(text);
  if (status === 404 && z.object({ errorCode: z.literal(KEY_NOT_FOUND) }).safeParse(value).success) {
    throw new CoreupError(`${hostOf(url)} does not know the discovery token ${tokenOf(url)}, or not its size`, {
      code: 'DISCOVERY_TOKEN',
      hint: 'It may be mistyped, or have expired. `coreup token new` asks for another.',
    });
  }
  if (status !== 200) throw wrong(url, `answers ${status}${said(text)}`);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw wrong(url, `answers with something that is not etcd's${said(text)}`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrong(url: string, what: string): CoreupError {
  return new CoreupError(`the discovery token at ${hostOf(url)} cannot be used: ${what}`, {
    code: 'DISCOVERY_ANSWER',
    hint: 'Check the URL: with curl, URL/_config/size must give JSON with a number of members.',
  });
}
