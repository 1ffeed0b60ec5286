/** One archive of a machine's apt configuration: one URI with its suites. See sources.list(5). */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Keyring files, or an armored key block as it stands in a deb822 file. */
  readonly signedBy: readonly string[];
  /** `trusted=yes`: the owner of the machine takes this archive without a signature. */
  readonly trusted: boolean;
}

/**
 * Reads a one-line style file (`*.list`).
 *
 * @returns the enabled binary archives, in order; lines that are no such archive are passed over, as apt's own files
 *   of other kinds must not stop an image from being built
 */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split('\n')) {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(raw.replace(/#.*/, '').trim());
    if (match?.[2] === undefined || match[3] === undefined) continue;
    const options = new Map(
      (match[1] ?? '')
        .split(/\s+/)
        .filter(Boolean)
        .map((option) => {
          const [key = '', ...value] = option.split('=');
          return [key.toLowerCase(), value.join('=')] as const;
        }),
    );
    sources.push({
      uri: match[2],
      suites: [match[3]],
      components: words(match[4]),
      signedBy: keyrings(options.get('signed-by')),
      trusted: isYes(options.get('trusted')),
    });
  }
  return sources;
}

/** Reads a deb822 style file (`*.sources`): stanzas of fields, where a field may go on over indented lines. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of text.split(/\n[ \t]*(?:\n[ \t]*)+/)) {
    const fields = readFields(stanza);
    if (fields.get('enabled')?.trim().toLowerCase() === 'no') continue;
    if (!words(fields.get('types')).includes('deb')) continue;
    for (const uri of words(fields.get('uris'))) {
      sources.push({
        uri,
        suites: words(fields.get('suites')),
        components: words(fields.get('components')),
        signedBy: keyrings(fields.get('signed-by')),
        trusted: isYes(fields.get('trusted')),
      });
    }
  }
  return sources;
}

/** Debian's own code names: what tells a Debian archive from any other archive that a machine may use. */
const debianSuites = /^(?:bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$/;

/**
 * The archive from which a Debian suite can be bootstrapped: one that has the suite itself, else any Debian archive,
 * since an archive carries all suites that are supported.
 */
export function debianArchive(sources: readonly AptSource[], suite: string): AptSource | undefined {
  const archives = sources.filter((source) => source.components.includes('main'));
  return (
    archives.find((source) => source.suites.includes(suite)) ??
    archives.find((source) => source.suites.some((name) => debianSuites.test(name)))
  );
}

function readFields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    if (/^[ \t]/.test(line) && name !== undefined) {
      fields.set(name, `${fields.get(name) ?? ''}\n${line.slice(1)}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    name = line.slice(0, colon).trim().toLowerCase();
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter(Boolean);
}

/** `Signed-By` holds files, fingerprints or a key block. Fingerprints choose within the machine's own keyrings. */
function keyrings(text: string | undefined): string[] {
  if (text?.includes('BEGIN PGP') === true) {
    // An empty line of the block is written as a dot, as in every deb822 field.
    return [`${text.trim().replaceAll(/^ ?\.$/gm, '')}\n`];
  }
  return words(text?.replaceAll(',', ' ')).filter((word) => word.startsWith('/'));
}

function isYes(text: string | undefined): boolean {
  return /^(?:yes|true|1|on)$/i.test(text?.trim() ?? '');
}
