import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { parseClientConfig, parseJump } from '../../../src/ssh/client-config-parse.js';
import type { Surroundings } from '../../../src/ssh/path-tokens.js';
import { InputError } from '../../../src/util/errors.js';

const RUNS = Number(process.env.COREUP_FUZZ_RUNS ?? 10_000);

const around: Surroundings = {
  home: '/home/me',
  localUser: 'me',
  localHost: 'desk.example.org',
  uid: 1000,
  environment: { SSH_AUTH_SOCK: '/run/agent', KEYS: '/keys', OTHER: '/other/agent' },
};
const parse = (text: string, host = 'web1') => parseClientConfig(text, host, around);

describe('what ssh -G prints', () => {
  test('is taken over', () => {
    const text = [
      'host web1',
      'user admin',
      'hostname 10.0.0.5',
      'port 2222',
      'identitiesonly yes',
      'identityfile ~/.ssh/%h-%r-%p',
      'identityfile ${KEYS}/100%%',
      'identityfile none',
      'hostkeyalias web',
      'userknownhostsfile /home/me/.ssh/known_hosts /a%b',
      'globalknownhostsfile /etc/ssh/ssh_known_hosts',
      'revokedhostkeys ~/revoked',
      'proxyjump a@one,[fe80::1]:2200',
      'certificatefile ~/cert.pub',
      '',
    ].join('\n');
    expect(parse(text)).toEqual({
      address: '10.0.0.5',
      port: 2222,
      user: 'admin',
      identityFiles: ['/home/me/.ssh/10.0.0.5-admin-2222', '/keys/100%'],
      identitiesOnly: true,
      alias: 'web',
      knownHostsFiles: ['/home/me/.ssh/known_hosts', '/a%b', '/etc/ssh/ssh_known_hosts'],
      revoked: '/home/me/revoked',
      jumps: [
        { address: 'one', user: 'a' },
        { address: 'fe80::1', port: 2200 },
      ],
      ignored: ['CertificateFile'],
    });
  });

  test('nothing said is what the user would get', () => {
    expect(parse('')).toEqual({
      address: 'web1',
      port: 22,
      user: 'me',
      identityFiles: [],
      identitiesOnly: false,
      knownHostsFiles: [],
      jumps: [],
      ignored: [],
    });
  });

  test.each([
    ['identityagent none', false],
    ['identityagent SSH_AUTH_SOCK', '/run/agent'],
    ['identityagent $OTHER', '/other/agent'],
    ['identityagent $UNSET', false],
    ['identityagent ~/agent', '/home/me/agent'],
    ['identityagent /a b', '/a b'],
  ])('%s', (line, agent) => {
    expect(parse(line).agent).toBe(agent);
  });

  test('none is none', () => {
    const said = parse('proxyjump none\nproxycommand none\nuserknownhostsfile none\nhostkeyalias none');
    expect(said).toEqual({ ...parse(''), jumps: [] });
  });

  test('ProxyJump goes before ProxyCommand', () => {
    expect(parse('proxycommand nc %h %p')).toMatchObject({ proxyCommand: 'nc %h %p' });
    expect(parse('proxycommand nc %h %p\nproxyjump one')).not.toHaveProperty('proxyCommand');
  });

  test.each(['port 0', 'port x', 'identityfile %z', 'identityfile ${UNSET}/a', 'proxyjump :22', 'proxyjump a:99999'])(
    '%s is refused, naming the host',
    (line) => {
      expect(() => parse(line)).toThrow(InputError);
      expect(() => parse(line)).toThrow(/web1/);
    },
  );
});

describe('the way there', () => {
  test('AddressFamily and BindAddress are followed', () => {
    expect(parse('addressfamily inet6\nbindaddress ::1')).toMatchObject({ family: 6, bindAddress: '::1', ignored: [] });
    expect(parse('addressfamily inet')).toMatchObject({ family: 4 });
    expect(parse('addressfamily any')).toEqual(parse(''));
  });

  test('a BindAddress that is a name is told', () => {
    expect(parse('bindaddress localhost').ignored).toEqual(['BindAddress']);
    expect(parse('bindaddress localhost')).not.toHaveProperty('bindAddress');
  });
});

describe('algorithms', () => {
  test('are those that both know, in the order of coreup', () => {
    const said = parse('ciphers aes256-ctr,aes256-gcm@openssh.com,3des-cbc\nkexalgorithms curve25519-sha256,x');
    expect(said.algorithms).toEqual({
      cipher: ['aes256-gcm@openssh.com', 'aes256-ctr'],
      kex: ['curve25519-sha256'],
    });
  });

  test.each([
    ['ciphers 3des-cbc', /Ciphers allows none .*aes128-gcm/],
    ['ciphers ', /Ciphers allows none/],
    ['macs umac-64@openssh.com', /MACs allows none/],
    ['kexalgorithms sntrup761x25519-sha512', /KexAlgorithms allows none/],
  ])('%s leaves nothing, and is refused', (line, reason) => {
    expect(() => parse(line)).toThrow(reason);
  });

  test('as ssh has them without a configuration, nothing is restricted', () => {
    const printed = execFileSync('ssh', ['-G', '-F', '/dev/null', 'web1'], { encoding: 'utf8', stdio: 'pipe' });
    expect(parse(printed)).not.toHaveProperty('algorithms');
    expect(parse(printed).ignored).toEqual([]);
  });
});

describe('files whose names hold blanks', () => {
  const files = (list: string, ...there: string[]) =>
    parseClientConfig(`userknownhostsfile ${list}`, 'web1', around, (path) => there.includes(path)).knownHostsFiles;

  test.each<[string, string[], string[]]>([
    ['/a b', ['/a b'], ['/a b']],
    ['/a b /c', ['/a b', '/c'], ['/a b', '/c']],
    ['/c /a  b c', ['/a  b c'], ['/c', '/a  b c']],
    ['~/a b', ['/home/me/a b'], ['/home/me/a b']],
    ['/a ', ['/a '], ['/a ']],
    ['/a /b', [], ['/a', '/b']],
    ['/a /b', ['/a', '/b'], ['/a', '/b']],
  ])('%j where there are %j', (list, there, expected) => {
    expect(files(list, ...there)).toEqual(expected);
  });

  test('a line of many words takes no time', () => {
    expect(files('/a '.repeat(20_000).trim())).toHaveLength(20_000);
  });
});

describe('what is not used is told', () => {
  test.each([
    ['bindinterface eth0', 'BindInterface'],
    ['certificatefile /a', 'CertificateFile'],
    ['knownhostscommand /a', 'KnownHostsCommand'],
    ['nohostauthenticationforlocalhost yes', 'NoHostAuthenticationForLocalhost'],
    ['pkcs11provider /a', 'PKCS11Provider'],
    ['preferredauthentications password,keyboard-interactive', 'PreferredAuthentications'],
    ['pubkeyauthentication false', 'PubkeyAuthentication'],
    ['stricthostkeychecking false', 'StrictHostKeyChecking'],
    ['stricthostkeychecking accept-new', 'StrictHostKeyChecking'],
    ['verifyhostkeydns true', 'VerifyHostKeyDNS'],
  ])('%s', (line, name) => {
    expect(parse(line).ignored).toEqual([name]);
  });

  test.each([
    'pubkeyauthentication true',
    'preferredauthentications publickey,password',
    'stricthostkeychecking ask',
    'stricthostkeychecking true',
    'verifyhostkeydns false',
    'nohostauthenticationforlocalhost no',
    'pkcs11provider none',
    'controlpath /a',
    'connecttimeout 3',
  ])('%s is nothing to tell', (line) => {
    expect(parse(line).ignored).toEqual([]);
  });
});

describe('one jump host', () => {
  test.each([
    ['a', { address: 'a' }],
    ['u@a', { address: 'a', user: 'u' }],
    ['u@dom@a:22', { address: 'a', user: 'u@dom', port: 22 }],
    ['ssh://u@a:2222', { address: 'a', user: 'u', port: 2222 }],
    ['ssh://a/', { address: 'a' }],
    ['[fe80::1]', { address: 'fe80::1' }],
    ['u@[fe80::1%eth0]:22', { address: 'fe80::1%eth0', user: 'u', port: 22 }],
    ['fe80::1', { address: 'fe80::1' }],
  ])('%s', (text, expected) => {
    expect(parseJump(text, 'web1')).toEqual(expected);
  });
});

const KEYS = [
  'host', 'hostname', 'port', 'user', 'identityfile', 'identitiesonly', 'identityagent', 'proxyjump', 'proxycommand',
  'userknownhostsfile', 'globalknownhostsfile', 'hostkeyalias', 'revokedhostkeys', 'certificatefile', 'other',
]; // prettier-ignore
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('%h', '%', '%%', '%C', '${KEYS}', '${', '$OTHER', '~', '~/', '[', ']', ':', '@', ',', 'none', '65536', '22', ' ', 'ssh://'),
); // prettier-ignore
const line = fc
  .tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string()), fc.array(piece, { maxLength: 6 }))
  .map(([key, value]) => `${key} ${value.join('')}`);

test('whatever ssh prints is read, or refused as input', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string({ unit: 'binary' })), { maxLength: 12 }), (lines) => {
      try {
        const said = parse(lines.join('\n'));
        expect(said.port).toBeGreaterThan(0);
        for (const file of [...said.identityFiles, ...said.knownHostsFiles]) expect(file).toMatch(/^\//);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }),
    { numRuns: RUNS },
  );
}, 300_000);
