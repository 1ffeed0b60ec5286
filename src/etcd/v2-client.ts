import type { Dial } from '../util/http.js';
import { ask, problem } from './ask.js';

/**
 * A thin client of etcd's v2 API, for what only that one has: the keys of the v2 discovery protocol, and the proxies, that
 * pass on nothing else (etcd 3.5 documentation, "v2 API").
 */
export class EtcdV2Client {
  constructor(
    private readonly dial: Dial,
    private readonly timeout = 5000,
  ) {}

  /** @param key with a slash in front */
  async put(key: string, value: string): Promise<void> {
    const path = keyPath(key);
    const { code, text } = await ask(this.dial, { method: 'PUT', path, form: { value } }, this.timeout);
    if (code !== 200 && code !== 201) throw refused(path, code, text);
  }

  /** @returns undefined if there is no such key */
  async get(key: string): Promise<string | undefined> {
    const path = `${keyPath(key)}?quorum=true`;
    const { code, text } = await ask(this.dial, { method: 'GET', path }, this.timeout);
    if (code === 404 && numberOf(text) === KEY_NOT_FOUND) return undefined;
    if (code !== 200) throw refused(path, code, text);
    return parse(path, text).node?.value;
  }

  /** The names of the members as this member or proxy knows them. */
  async memberNames(): Promise<readonly string[]> {
    const path = '/v2/members';
    const { code, text } = await ask(this.dial, { method: 'GET', path }, this.timeout);
    if (code !== 200) throw refused(path, code, text);
    return (parse(path, text).members ?? []).map(({ name }) => name ?? '');
  }
}

/** etcd's error code for a key that is not there (etcd 3.5 documentation, "Error Code"). */
const KEY_NOT_FOUND = 100;

function keyPath(key: string): string {
  return `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** The fields that are looked at. */
interface Answer {
  readonly node?: { readonly value?: string };
  readonly members?: readonly { readonly name?: string }[];
}

function parse(path: string, text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (error) {
    throw problem(`etcd answered ${path} with something that is not etcd's: ${text.slice(0, 200)}`, error);
  }
}

function numberOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { errorCode?: unknown }).errorCode;
  } catch {
    return undefined;
  }
}

function refused(path: string, code: number | undefined, text: string): Error {
  const reason = code === 404 ? 'it does not serve the v2 API' : text.trim().slice(0, 200) || 'no reason given';
  return problem(`etcd answered ${path} with ${code}: ${reason}`);
}
