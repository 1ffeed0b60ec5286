import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createSsh, type SshOptions } from '../../../src/ssh/client.js';
import { SshClientConfig } from '../../../src/ssh/client-config.js';
import { targetOf } from '../../../src/ssh/destinations.js';
import { fingerprint, formatKnownHost, parsePublicKey } from '../../../src/ssh/known-hosts.js';
import type { Ssh, SshTarget } from '../../../src/ssh/port.js';
import { containing, matching } from './matchers.js';
import { Sshd } from './sshd.js';

/** Keys and certificates, made by the real ssh-keygen. */
const directory = mkdtempSync(join(tmpdir(), 'coreup-certificates-'));
const file = (name: string) => join(directory, name);
const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args], { cwd: directory, stdio: 'pipe' });
const publicLine = (name: string) => readFileSync(file(`${name}.pub`), 'utf8').trim();

const KEYS = [
  ['ca', 'ed25519'],
  ['other-ca', 'ed25519'],
  ['rsa-ca', 'rsa', '-b', '2048'],
  ['ecdsa-ca', 'ecdsa', '-b', '521'],
  ['ed25519', 'ed25519'],
  ['ecdsa', 'ecdsa', '-b', '384'],
  ['rsa', 'rsa', '-b', '2048'],
] as const;

let sshd: Sshd;
const open: Ssh[] = [];

beforeAll(async () => {
  for (const [name, type, ...more] of KEYS) keygen('-t', type, ...more, '-N', '', '-f', file(name));
  sshd = await Sshd.create({
    start: false,
    config: [`HostKey ${file('host')}`, `HostCertificate ${file('host-cert.pub')}`],
  });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((ssh) => ssh.close()));
  await sshd.stop();
});
afterAll(async () => {
  await sshd.remove();
  rmSync(directory, { recursive: true });
});

interface Made {
  readonly ca?: string;
  readonly key?: string;
  /** More for ssh-keygen. */
  readonly options?: readonly string[];
}

/** Starts the sshd with a key and a certificate for it. */
async function certified({ ca = 'ca', key = 'ed25519', options = ['-h', '-n', '127.0.0.1'] }: Made = {}) {
  copyFileSync(file(key), file('host'));
  copyFileSync(file(`${key}.pub`), file('host.pub'));
  keygen('-s', file(ca), '-I', 'a host', ...options, file('host.pub'));
  await sshd.start();
}

/** What known_hosts says, of the authority `ca` if it does not say otherwise. */
function known(...lines: readonly string[]): void {
  writeFileSync(sshd.knownHostsFile, `${lines.join('\n')}\n`);
}
const authority = (name = 'ca', names = '127.0.0.1') => `@cert-authority ${names} ${publicLine(name)}`;

function connect(target: SshTarget = sshd.target, options: Partial<SshOptions> = {}) {
  const ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false, home: sshd.directory, ...options });
  open.push(ssh);
  return ssh.connect(target, { deadline: 0 });
}

async function accepted(target?: SshTarget, options?: Partial<SshOptions>): Promise<void> {
  const connection = await connect(target, options);
  expect((await connection.run({ text: 'echo hello' })).stdout.toString()).toBe('hello\n');
}

/** Whether the real ssh logs in, with the same known_hosts. */
function sshAccepts(): boolean {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${sshd.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
  ].flatMap((option) => ['-o', option]);
  const to = [`${userInfo().username}@127.0.0.1`, 'true'];
  const ended = spawnSync('ssh', ['-F', '/dev/null', ...options, '-i', sshd.identityFile, '-p', `${sshd.port}`, ...to]);
  return ended.status === 0;
}

describe('a certificate that holds', () => {
  test.each(['ca', 'rsa-ca', 'ecdsa-ca'].flatMap((ca) => ['ed25519', 'ecdsa', 'rsa'].map((key) => ({ ca, key }))))(
    'by $ca for a key of type $key is enough, and nothing is pinned',
    async ({ ca, key }) => {
      await certified({ ca, key });
      known(authority(ca));
      const before = readFileSync(sshd.knownHostsFile, 'utf8');
      await accepted();
      expect(sshAccepts()).toBe(true);
      expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe(before);
    },
  );

  test.each([
    ['the name with its port', () => authority('ca', `[127.0.0.1]:${sshd.port}`)],
    ['a pattern', () => authority('ca', '127.0.*')],
    ['a second authority', () => `${authority('other-ca')}\n${authority('ca')}`],
    [
      'a pinned key that is another one',
      () => `${authority()}\n${formatKnownHost('127.0.0.1', sshd.port, parsePublicKey(publicLine('rsa')) as Buffer)}`,
    ],
  ])('counts where known_hosts has %s', async (_, line) => {
    await certified();
    known(line());
    await accepted();
    expect(sshAccepts()).toBe(true);
  });

  test('for the name of HostKeyAlias, which goes before the address', async () => {
    await certified({ options: ['-h', '-n', 'db.example.org'] });
    known(authority('ca', '*.example.org'));
    await accepted({ ...sshd.target, trust: { files: [], alias: 'DB.example.org' } });
    await expect(connect()).rejects.toMatchObject({ code: 'SSH_HOST_KEY_UNKNOWN' });
  });

  test('behind a jump host', async () => {
    const jump = await Sshd.create();
    try {
      await certified();
      known(authority(), readFileSync(jump.knownHostsFile, 'utf8').trim());
      await accepted({ ...sshd.target, jump: { ...jump.target, name: 'the jump host' } });
      await Promise.all(open.splice(0).map((ssh) => ssh.close()));
    } finally {
      await jump.remove();
    }
  });

  test('by patterns, as OpenSSH 10.3 reads them', async () => {
    await certified({ options: ['-h', '-n', 'web.example.org,127.0.*'] });
    known(authority());
    await accepted();
  });

  test('on IPv6', async () => {
    const six = await Sshd.create({
      start: false,
      config: ['ListenAddress ::1', `HostKey ${file('host')}`, `HostCertificate ${file('host-cert.pub')}`],
    });
    try {
      await certified({ options: ['-h', '-n', '::1'] });
      await six.start();
      writeFileSync(six.knownHostsFile, `${authority('ca', '::1')}\n`);
      await accepted({ ...six.target, address: '0:0::1' }, { knownHostsFile: six.knownHostsFile });
      await Promise.all(open.splice(0).map((ssh) => ssh.close()));
    } finally {
      await six.remove();
    }
  });

  test.each(['ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'])(
    'where the host knows only %s',
    async (exchange) => {
      const old = await Sshd.create({
        start: false,
        config: [
          `KexAlgorithms ${exchange}`,
          'Banner none',
          `HostKey ${file('host')}`,
          `HostCertificate ${file('host-cert.pub')}`,
        ],
      });
      try {
        await certified();
        await old.start();
        known(authority());
        await accepted(old.target);
        await Promise.all(open.splice(0).map((ssh) => ssh.close()));
      } finally {
        await old.remove();
      }
    },
  );
});

describe('a certificate that does not hold is as none, and said', () => {
  test.each<[string, Made, RegExp]>([
    ['expired', { options: ['-h', '-n', '127.0.0.1', '-V', '20200101:20200201'] }, /it expired on 2020-0/],
    [
      'not valid yet',
      { options: ['-h', '-n', '127.0.0.1', '-V', '20400101:20400201'] },
      /not valid before (2039|2040)/,
    ],
    [
      'for another name',
      { options: ['-h', '-n', 'a.example,b.example'] },
      /it is for a.example, b.example, not for 127/,
    ],
    ['for a user', { options: ['-n', '127.0.0.1'] }, /it is a user certificate/],
    ['by another authority', { ca: 'other-ca' }, /not of the authority that .*known_hosts:1 trusts, but of SHA256:/],
    ['signed with SHA-1', { ca: 'rsa-ca', options: ['-t', 'ssh-rsa', '-h', '-n', '127.0.0.1'] }, /signed with SHA-1/],
    ['with a critical option', { options: ['-h', '-n', '127.0.0.1', '-O', 'critical:x@y=1'] }, /option .*x@y/],
  ])('%s', async (_, made, reason) => {
    await certified(made);
    known(authority(made.ca === 'rsa-ca' ? 'rsa-ca' : 'ca'));
    await expect(connect()).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_UNKNOWN',
      member: 'core-01',
      message: matching(reason),
      hint: containing('host_key'),
    });
    expect(sshAccepts()).toBe(false);
    // The plain key may be known all the same.
    known(authority(), formatKnownHost('127.0.0.1', sshd.port, parsePublicKey(publicLine('host')) as Buffer).trim());
    await accepted();
    expect(sshAccepts()).toBe(true);
  });

  test('for nobody: a certificate without names is not for everybody', async () => {
    await certified({ options: ['-h'] });
    known(authority());
    await expect(connect()).rejects.toMatchObject({ message: containing('it names no host') });
  });

  test('signed in a way that CASignatureAlgorithms leaves out', async () => {
    await certified({ ca: 'rsa-ca' });
    known(authority('rsa-ca'));
    writeFileSync(file('config'), `CASignatureAlgorithms ssh-ed25519,rsa-sha2-256\n`);
    const config = new SshClientConfig({ file: file('config') });
    const { trust } = await targetOf('core-01', { address: '127.0.0.1' }, config);
    await expect(connect({ ...sshd.target, trust: { ...trust, files: [] } })).rejects.toMatchObject({
      message: containing('CASignatureAlgorithms does not allow rsa-sha2-512'),
    });
  });

  test('a host without a certificate is unknown, and a person who is asked is told', async () => {
    const plain = await Sshd.create();
    try {
      known(authority());
      await expect(connect(plain.target)).rejects.toMatchObject({
        code: 'SSH_HOST_KEY_UNKNOWN',
        message: matching(/shows no certificate of the authority that .*known_hosts:1 trusts/),
      });
      const flaws: (string | undefined)[] = [];
      await accepted(plain.target, {
        confirm: ({ flaw }) => {
          flaws.push(flaw);
          return Promise.resolve(true);
        },
      });
      expect(flaws).toEqual([containing('shows no certificate')]);
      await Promise.all(open.splice(0).map((ssh) => ssh.close()));
    } finally {
      await plain.remove();
    }
  });
});

describe('whoever is in between gains nothing by a certificate', () => {
  test('that is real, but whose key they do not have', async () => {
    // An sshd with a key of its own behind a relay that shows the real host's certificate first.
    await certified();
    const impostor = await Sshd.create();
    let connections = 0;
    const { connect: dial } = await import('node:net');
    const relay = createServer((socket) => {
      const behind = dial(connections++ === 0 ? sshd.port : impostor.port, '127.0.0.1');
      socket.on('error', () => behind.destroy()).pipe(behind);
      behind.on('error', () => socket.destroy()).pipe(socket);
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => relay.once('listening', resolve));
      const { port } = relay.address() as { port: number };
      known(authority());
      await expect(connect({ ...sshd.target, port }, { acceptNew: false })).rejects.toMatchObject({
        code: 'SSH_HOST_KEY_UNKNOWN',
        message: matching(new RegExp(`${escape(fingerprint(impostor.hostKeyBlob))}.*another key than its certificate`)),
      });
      expect(connections).toBe(2);
    } finally {
      relay.close();
      await impostor.remove();
    }
  });

  test.each([
    ['the authority', () => `@revoked * ${publicLine('ca')}`, /certificate of a revoked authority.*known_hosts:2/],
    ['the key', () => `@revoked * ${publicLine('host')}`, /revoked key.*known_hosts:2/],
  ])('when %s is revoked', async (_, line, reason) => {
    await certified();
    known(authority(), line());
    await expect(connect(sshd.target, { acceptNew: true })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_REVOKED',
      message: matching(reason),
    });
    expect(sshAccepts()).toBe(false);
  });

  test('when RevokedHostKeys has the authority', async () => {
    await certified();
    known(authority());
    writeFileSync(file('revoked'), `# lost\n${publicLine('ca')}\n`);
    await expect(
      connect({ ...sshd.target, trust: { files: [], revoked: file('revoked') } }, { acceptNew: true }),
    ).rejects.toMatchObject({ code: 'SSH_HOST_KEY_REVOKED', message: containing(`${file('revoked')}:2`) });
  });

  test('when config.ts gives the key: no certificate is asked for then', async () => {
    await certified();
    known(authority());
    await expect(connect({ ...sshd.target, hostKey: publicLine('rsa') })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_CHANGED',
    });
    await accepted({ ...sshd.target, hostKey: publicLine('host') });
  });
});

describe('what answers may be anything', () => {
  test.each([
    ['says nothing', '', /no SSH handshake within 0.3 s/],
    ['speaks HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', /within 0.3 s|does not speak SSH/],
    ['speaks the first SSH', 'SSH-1.5-old\r\n', /does not speak SSH/],
    ['sends endless text', 'x'.repeat(600_000), /does not speak SSH/],
    ['sends nonsense behind a greeting', `SSH-2.0-x\r\n${'\xff'.repeat(40)}`, /does not keep to the SSH protocol/],
  ])('a server that %s is a failed attempt', async (_, text, reason) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(Buffer.from(text, 'latin1'));
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      known(authority());
      await expect(connect({ ...sshd.target, port }, { attemptTimeout: 300 })).rejects.toMatchObject({
        code: 'SSH_UNREACHABLE',
        member: 'core-01',
        message: matching(reason),
      });
    } finally {
      server.close();
    }
  });
});

function escape(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
