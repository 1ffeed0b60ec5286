import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CoreupError } from '../../util/errors.js';
import { debianArchive, parseDeb822Sources, parseOneLineSources, type AptSource } from './apt-sources.js';
import type { Archive } from './image-script.js';

/**
 * The Debian archive that this machine already uses, so that its owner's choice of mirror holds for hosts too.
 *
 * @param mirror a URI that is used instead; `COREUP_MIRROR` does the same
 * @param store keeps a binary keyring and returns its file name
 * @throws CoreupError LOCAL_NO_MIRROR if the machine's apt sources name no Debian archive
 */
export async function machineArchive(
  suite: string,
  mirror: string | undefined,
  store: (keyring: Uint8Array) => Promise<string>,
): Promise<Archive> {
  const given = mirror ?? process.env['COREUP_MIRROR'];
  if (given !== undefined) return { uri: given, trusted: false };
  const source = debianArchive(await machineSources(), suite);
  if (source === undefined) {
    throw new CoreupError(`the apt sources of this machine name no Debian archive to take ${suite} from`, {
      code: 'LOCAL_NO_MIRROR',
      hint: 'set COREUP_MIRROR to the URI of a Debian mirror and install debian-archive-keyring',
    });
  }
  const uri = await resolveMirrorList(source.uri);
  const keyring = await keyringFile(source.signedBy, store);
  return { uri, trusted: source.trusted, ...(keyring === undefined ? {} : { keyring }) };
}

/** All archives in the apt sources of this machine, in apt's order. */
export async function machineSources(directory = '/etc/apt'): Promise<AptSource[]> {
  const parts = await readdir(`${directory}/sources.list.d`).catch(() => []);
  const names = [...parts.sort().map((name) => `sources.list.d/${name}`), 'sources.list'];
  const sources: AptSource[] = [];
  for (const name of names) {
    const parse = name.endsWith('.sources') ? parseDeb822Sources : name.endsWith('.list') ? parseOneLineSources : null;
    if (parse !== null) sources.push(...parse(await readFile(`${directory}/${name}`, 'utf8').catch(() => '')));
  }
  return sources;
}

/** `mirror+file:/…` names a file of mirrors, best first, as Debian's cloud images have it. debootstrap can't read it. */
async function resolveMirrorList(uri: string): Promise<string> {
  const match = /^mirror\+(file:.*)$/.exec(uri);
  if (match?.[1] === undefined) return uri;
  const text = await readFile(fileURLToPath(match[1].replace(/^file:\/*/, 'file:///')), 'utf8');
  const first = text.split('\n').find((line) => /^\S/.test(line) && !line.startsWith('#'));
  return first?.split(/\s/)[0] ?? uri;
}

/** One binary keyring out of what apt accepts: binary files, armored files, armored text. */
async function keyringFile(
  signedBy: readonly string[],
  store: (keyring: Uint8Array) => Promise<string>,
): Promise<string | undefined> {
  const [first] = signedBy;
  if (first === undefined) return undefined;
  if (signedBy.length === 1 && first.endsWith('.gpg')) return first;
  const parts = await Promise.all(
    signedBy.map(async (entry) => dearmor(entry.startsWith('/') ? await readFile(entry) : Buffer.from(entry))),
  );
  return store(Buffer.concat(parts));
}

/** The binary form of an OpenPGP block (RFC 4880, 6.2), or the bytes themselves where they are binary already. */
export function dearmor(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN PGP [^\n]*\n([\s\S]*?)-----END PGP/g)];
  if (blocks.length === 0) return bytes;
  return Buffer.concat(
    blocks.map(([, body = '']) => {
      const data = body.replaceAll('\r', '').replace(/^[\s\S]*?\n[ \t]*\n/, '\n');
      return Buffer.from(data.replace(/\n=[A-Za-z0-9+/]{4}\s*$/, ''), 'base64');
    }),
  );
}
