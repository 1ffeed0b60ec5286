import { describe, expect, it } from '@jest/globals';
import { debianArchive, parseDeb822Sources, parseOneLineSources } from '../../../src/providers/local/apt-sources.js';
import { dearmor } from '../../../src/providers/local/archive.js';

describe('one-line sources', () => {
  it('reads options, several components and comments', () => {
    const text = `# deb http://old.invalid/debian bookworm main
deb [ arch=amd64 signed-by=/usr/share/keyrings/a.gpg,/etc/b.asc trusted=yes ] http://mirror.invalid/debian bookworm main contrib # ours
deb-src http://mirror.invalid/debian bookworm main
deb	http://mirror.invalid/security  bookworm-security   main
deb http://mirror.invalid/flat ./
nonsense
`;
    expect(parseOneLineSources(text)).toEqual([
      {
        uri: 'http://mirror.invalid/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: ['/usr/share/keyrings/a.gpg', '/etc/b.asc'],
        trusted: true,
      },
      {
        uri: 'http://mirror.invalid/security',
        suites: ['bookworm-security'],
        components: ['main'],
        signedBy: [],
        trusted: false,
      },
      { uri: 'http://mirror.invalid/flat', suites: ['./'], components: [], signedBy: [], trusted: false },
    ]);
  });
});

describe('deb822 sources', () => {
  it('reads stanzas with several values, comments inside and lines that go on', () => {
    const text = `Types: deb deb-src
# where it came from
URIs: http://one.invalid/debian
  http://two.invalid/debian
Suites: trixie trixie-updates
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.invalid/debian
Suites: trixie
Components: main
Enabled: no

Types: deb-src
URIs: http://source.invalid/debian
Suites: trixie
Components: main
`;
    const sources = parseDeb822Sources(text);
    expect(sources.map((source) => source.uri)).toEqual(['http://one.invalid/debian', 'http://two.invalid/debian']);
    expect(sources[0]).toEqual({
      uri: 'http://one.invalid/debian',
      suites: ['trixie', 'trixie-updates'],
      components: ['main', 'non-free-firmware'],
      signedBy: ['/usr/share/keyrings/debian-archive-keyring.gpg'],
      trusted: false,
    });
  });

  it('keeps a key block whose empty line is a dot', () => {
    const key = Buffer.from('a key').toString('base64');
    const text = `Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 ${key}
 =abcd
 -----END PGP PUBLIC KEY BLOCK-----
`;
    const [block = ''] = parseDeb822Sources(text)[0]?.signedBy ?? [];
    expect(dearmor(Buffer.from(block)).toString()).toBe('a key');
  });
});

describe('debianArchive', () => {
  const source = (uri: string, suites: string[], components = ['main']) => ({
    uri,
    suites,
    components,
    signedBy: [],
    trusted: false,
  });

  it('prefers the archive that has the suite', () => {
    const sources = [source('a', ['bookworm']), source('b', ['trixie'])];
    expect(debianArchive(sources, 'trixie')?.uri).toBe('b');
  });

  it('takes any Debian archive otherwise, and no archive of something else', () => {
    const sources = [
      source('node', ['nodistro']),
      source('security', ['bookworm-security']),
      source('debian', ['bookworm', 'bookworm-updates']),
    ];
    expect(debianArchive(sources, 'trixie')?.uri).toBe('debian');
    expect(debianArchive([source('ubuntu', ['noble'])], 'trixie')).toBeUndefined();
    expect(debianArchive([source('x', ['trixie'], ['contrib'])], 'trixie')).toBeUndefined();
  });
});

describe('dearmor', () => {
  const block = (bytes: Buffer, headers: string) =>
    `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${headers}\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n=AbC/\n-----END PGP PUBLIC KEY BLOCK-----\n`;

  it('decodes blocks with and without headers, with any line ends, and joins several', () => {
    const one = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
    const two = Buffer.from('second');
    const text = block(one, 'Version: GnuPG\n').replaceAll('\n', '\r\n') + block(two, '');
    expect(dearmor(Buffer.from(text))).toEqual(Buffer.concat([one, two]));
  });

  it('leaves binary keyrings alone', () => {
    expect(dearmor(Buffer.from([0x99, 0, 1]))).toEqual(Buffer.from([0x99, 0, 1]));
  });
});
