import { parseCloudConfig } from '../cloud-config/parse.js';
import { CERTIFICATE_KEYS, OWN, PLAIN, TLS, TLS_DIRECTORY, URL_KEYS, type Transport } from '../etcd/transport.js';
import { valueAt } from './transport-edits.js';
import type { Base } from './user-data.js';

/** What decides what etcd speaks. */
export interface TransportWishes {
  /** `etcd.tls` of config.ts. */
  readonly asked: boolean | undefined;
  /** What the cluster speaks, once it has been founded. */
  readonly founded: Transport | undefined;
  /** The user's own user-data; absent where coreup brings it. */
  readonly base: Base | undefined;
  /** Settings of etcd2 from config.ts, in cloud-config's spelling. */
  readonly overrides: Readonly<Record<string, string>>;
}

export interface TransportChoice {
  readonly goal: Transport;
  /** Why it is plain http; absent where it is not. */
  readonly plain?: 'asked' | 'founded' | 'user-data' | 'own-certificates';
  /** A key of the user-data that names a certificate although config.ts asks for coreup's. */
  readonly conflict?: string;
}

/**
 * What etcd is to speak: what config.ts says; otherwise what the cluster has been speaking, since its clients rely on it;
 * otherwise TLS, unless the user's own user-data has http URLs. With certificates of the user's own, coreup stays out of
 * it. Pure.
 */
export function chooseTransport({ asked, founded, base, overrides }: TransportWishes): TransportChoice {
  const said = base === undefined ? new Map<string, string>() : settingsIn(base);
  const all = new Map([...said, ...Object.entries(overrides)]);
  const certificate = CERTIFICATE_KEYS.find((key) => isForeign(all.get(key) ?? ''));
  if (asked === true) return { goal: TLS, ...(certificate === undefined ? {} : { conflict: certificate }) };
  if (certificate !== undefined) return { goal: OWN, plain: 'own-certificates' };
  if (asked === false) return { goal: PLAIN, plain: 'asked' };
  if (founded !== undefined) return founded === PLAIN ? { goal: PLAIN, plain: 'founded' } : { goal: founded };
  const http = URL_KEYS.some((key) => /\bhttp:\/\//i.test(all.get(key) ?? ''));
  return http ? { goal: PLAIN, plain: 'user-data' } : { goal: TLS };
}

/** A user-data that coreup has rendered, and somebody has gone on with, names coreup's own files. */
function isForeign(path: string): boolean {
  return path !== '' && !path.startsWith(`${TLS_DIRECTORY}/`);
}

const KEYS: readonly string[] = [...URL_KEYS, ...CERTIFICATE_KEYS];

/** The settings of a user-data that tell what it speaks. What is wrong with it is told by whoever renders it. */
function settingsIn(base: Base): ReadonlyMap<string, string> {
  if (base.kind === 'template') {
    const lines = base.text.matchAll(/^\s*([\w-]+)\s*:\s*(\S.*)$/gm);
    const pairs = [...lines].map(([, key = '', value = '']) => [key.replaceAll('_', '-'), value] as const);
    return new Map(pairs.filter(([key]) => KEYS.includes(key)));
  }
  try {
    const document = parseCloudConfig(base);
    return new Map(
      KEYS.flatMap((key) => {
        const value = valueAt(document, ['coreos', 'etcd2', key]);
        return value === undefined ? [] : [[key, value] as const];
      }),
    );
  } catch {
    return new Map();
  }
}
