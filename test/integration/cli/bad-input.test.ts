import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { configOf, coreup, directoryOf, listing, type Verdict } from './program.js';

const H = '#cloud-config\n';
const ETCD = 'coreos:\n  etcd2:\n    initial-advertise-peer-urls: http://$private_ipv4:2380\n';
const UNITS = '  units:\n    - name: etcd2.service\n      command: start\n';
const GOOD = H + ETCD + UNITS;
const bomb = (): string => {
  const rows = Array.from({ length: 30 }, (_, row) => `a${row + 1}: &a${row + 1} [${`*a${row},`.repeat(9)}]\n`);
  return `${H}a0: &a0 [x, x]\n${rows.join('')}`;
};

type Files = Readonly<Record<string, string | Uint8Array>>;
const config = (text: string): Files => ({ 'config.ts': `export default ${text};\n`, 'user-data': GOOD });
const userData = (text: string | Uint8Array): Files => ({ 'config.ts': configOf(), 'user-data': text });

/** What is wrong, the files, and where and how it is told. */
const CONFIGS: readonly [string, Files, string, string][] = [
  ['no config.ts', {}, 'config.ts', 'there is no config.ts in'],
  ['an empty config', { 'config.ts': '' }, 'config.ts:1:1', 'is empty'],
  ['a config that throws', { 'config.ts': `\nthrow new Error('oops');\n` }, 'config.ts:2:', 'oops'],
  ['a config with a syntax error', { 'config.ts': 'export default {\n  a: ,\n};\n' }, 'config.ts:2:', 'cannot be read'],
  ['0 instances', config('{ num_instances: 0 }'), 'config.ts:1:33', 'num_instances is 0; it must be a whole number'],
  ['-1 instances', config('{ num_instances: -1 }'), 'config.ts:1:33', 'num_instances is -1'],
  ['1.5 instances', config('{ num_instances: 1.5 }'), 'config.ts:1:33', 'num_instances is 1.5'],
  ['10000 instances', config('{ num_instances: 10000 }'), 'config.ts:1:33', 'from 1 to 1000'],
  ['"3" instances', config('{ num_instances: "3" }'), 'config.ts:1:33', 'write 3 without quotes'],
  ['a wrong type', config('{ discovery: 3 }'), 'config.ts:1:29', 'discovery is 3'],
  ['an unknown key', config('{ num_instance: 3 }'), 'config.ts:1:18', 'did you mean num_instances?'],
  ['a key of camelCase', config('{ clusterName: "a" }'), 'config.ts:1:18', 'did you mean cluster_name?'],
  [
    'a subnet that is too small',
    config("{ num_instances: 200, provider: { kind: 'local', subnet: '10.9.8.0/24' } }"),
    '',
    'subnet 10.9.8.0/24 has no address for member',
  ],
  ['no user-data', config("{ user_data: 'other' }"), 'config.ts:1:29', 'there is no such file'],
];

const USER_DATA: readonly [string, Files, string, string][] = [
  ['without a header', userData('coreos: {}\n'), 'user-data:1:1', 'the first line must be exactly "#cloud-config"'],
  [
    'without a header, for hosts whose addresses are not known yet',
    { 'config.ts': configOf().replace(/private_ipv4: '[^']+',/, ''), 'user-data': 'coreos: {}\n' },
    'user-data:1:1',
    'the first line must be exactly "#cloud-config"',
  ],
  ['with a byte order mark', userData(`\ufeff${GOOD}`), 'user-data:1:1', 'byte order mark'],
  ['that is a script', userData('#!/bin/sh\necho\n'), 'user-data:1:1', 'this is a script'],
  ['that is Ignition', userData('{"ignition": {"version": "3.0.0"}}'), 'user-data:1:1', 'an Ignition config'],
  ['with tabs', userData(`${H}coreos:\n\tetcd2: {}\n`), 'user-data:3:', 'a tab is used for indentation'],
  ['with a duplicate key', userData(`${GOOD}coreos: {}\n`), 'user-data:8:1', 'coreos'],
  ['with two documents', userData(`${GOOD}---\na: 1\n`), 'user-data:9:1', 'a second YAML document'],
  ['that is a list', userData(`${H}- a\n`), 'user-data:2:1', 'a cloud-config is a mapping'],
  ['with anchors that expand without end', userData(bomb()), 'user-data:', ''],
  ['that is not UTF-8', userData(Buffer.from(`${H}hostname: caf\xe9\n`, 'latin1')), 'user-data:2:14', 'not UTF-8'],
  ['packed, with a fault', userData(gzipSync(Buffer.from('#!/bin/sh\n'))), 'user-data:1:1', 'a script'],
  ['without etcd', userData(H), 'user-data', 'has no coreos.etcd2 section'],
  ['that starts nothing', userData(H + ETCD), 'user-data-1', 'nothing starts etcd2.service'],
  [
    'with a variable that has no value',
    userData(GOOD.replace('$private_ipv4', '$private_ipv6')),
    'user-data:4:41',
    '$private_ipv6 is used here, but has no value',
  ],
  ['with an unknown command', userData(GOOD.replace('start', 'begin')), 'user-data:7:16', 'invalid value "begin"'],
  [
    'with a unit name that is none',
    userData(GOOD.replace('etcd2.service', 'etcd2.servce')),
    'user-data:6:13',
    'is no name for a unit',
  ],
  [
    'with content that cannot be decoded',
    userData(`${GOOD}write_files:\n  - path: /a\n    encoding: b64\n    content: "@"\n`),
    'user-data:11:14',
    '',
  ],
  [
    'with a file under /usr',
    userData(`${GOOD}write_files:\n  - path: /usr/a\n    content: a\n`),
    'user-data:9:11',
    '/usr',
  ],
  [
    'with permissions that are none',
    userData(`${GOOD}write_files:\n  - path: /a\n    permissions: "9"\n`),
    'user-data:10:18',
    'invalid value "9"',
  ],
  [
    'with a relative program in a unit',
    userData(`${GOOD}    - name: a.service\n      content: |\n        [Service]\n        ExecStart=bin/a\n`),
    'user-data:11:19',
    'relative path',
  ],
  [
    'as a template with an unknown variable',
    { 'config.ts': configOf(), 'user-data.hbs': `${H}hostname: {{membr.name}}\n` },
    'user-data.hbs:2:13',
    'there is no variable "membr.name"',
  ],
  [
    'as a template with bad syntax',
    { 'config.ts': configOf(), 'user-data.hbs': `${H}hostname: {{#if}\n` },
    'user-data.hbs:2',
    'cannot be read',
  ],
  [
    'as a template that makes a bad document',
    {
      'config.ts': configOf(2),
      'user-data.hbs': GOOD.replace('start', 'begin').replace('etcd2:\n', 'etcd2:\n    name: {{member.name}}\n'),
    },
    'user-data-1:11:16',
    'invalid value "begin" for coreos.units[0].command (as rendered for core-01)',
  ],
];

/** What a service asks for, and how it is told that it cannot have it. */
const SERVICES: readonly [string, string, string][] = [
  [
    'a metadata that no member has',
    'MachineMetadata=gpu=yes',
    'a.service (units/a.service) can run nowhere: no machine',
  ],
  ['a neighbour that is not there', 'MachineOf=b.service', 'MachineOf names b.service, which fleet does not know'],
];

async function refused(
  files: Files,
  place: string,
  message: string,
  commands: readonly string[] = ['render', 'plan', 'up'],
): Promise<void> {
  const directory = directoryOf(files);
  const before = listing(directory);
  const [checked, ...others] = await Promise.all([
    coreup(directory, 'validate', '--json'),
    ...commands.map((command) => coreup(directory, command)),
  ]);
  for (const { code, stdout, stderr } of others) {
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(place) });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at |fault in coreup/);
  }
  const { valid, issues } = JSON.parse(checked.stdout) as Verdict;
  const at = issues.map(({ file, line, column }) => [file, line, column].filter((part) => part !== null).join(':'));
  const errors = issues.filter(({ severity }) => severity === 'error');
  expect({ code: checked.code, valid, at }).toEqual({
    code: 2,
    valid: false,
    at: expect.arrayContaining([expect.stringContaining(place)]),
  });
  expect(errors.map((issue) => issue.message).join('\n')).toContain(message);
  expect(listing(directory)).toEqual(before);
}

describe('a config', () => {
  it.each(CONFIGS)('%s', (_name, files, place, message) => refused(files, place, message), 60_000);
});

describe('a user-data', () => {
  it('may be packed', async () => {
    const directory = directoryOf(userData(gzipSync(Buffer.from(GOOD))));
    const { code, stdout } = await coreup(directory, 'render', '--stdout');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('    name: core-01\n') });
  }, 60_000);

  it.each(USER_DATA)('%s', (_name, files, place, message) => refused(files, place, message), 60_000);
});

describe('a service', () => {
  const files = (option: string): Files => ({
    'config.ts': configOf(
      3,
      "fleet: { metadata: { 'core-02': { disk: 'ssd' } } }, services: [{ unit: 'units/a.service' }]",
    ),
    'user-data': GOOD,
    'units/a.service': `[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n${option}\n`,
  });

  it.each(SERVICES)(
    'that asks for %s',
    (_name, option, message) => refused(files(option), '', message, ['plan', 'up']),
    60_000,
  );

  it('that asks for what the members have is valid', async () => {
    const { code, stdout } = await coreup(directoryOf(files('MachineMetadata=disk=ssd')), 'validate', '--json');
    expect({ code, valid: (JSON.parse(stdout) as Verdict).valid }).toEqual({ code: 0, valid: true });
  }, 60_000);
});

it('takes a directory that cannot be written for bad input', async () => {
  const directory = directoryOf(userData(GOOD));
  const { code, stderr } = await coreup(directory, 'render', '--out', '/proc/coreup');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('/proc/coreup') });
}, 60_000);

it.each([
  [['validate', '--etcd-version', 'new'], '--etcd-version is "new"'],
  [['validate', '--what'], 'Nonexistent flag: --what'],
  [['explain', 'user-data', '--public-ipv4', '300.1.1.1'], '--public-ipv4 is "300.1.1.1"; it must be an IPv4 address'],
  [['explain', 'user-data', '--private-ipv6', '10.0.0.1'], 'it must be an IPv6 address'],
  [['explain', 'user-data', '--member', 'core-01'], '--member is for a cluster'],
  [['explain', '--public-ipv4', '10.0.0.1'], 'for a FILE'],
  [['explain', '--member', 'core-1'], 'did you mean core-01?'],
  [['explain', 'nowhere'], 'nowhere: there is no such file'],
  [['explain', '.'], 'this is a directory'],
  [['explain', 'user-data.hbs'], 'is a template'],
])(
  'refuses %j',
  async (args, message) => {
    const directory = directoryOf(userData(GOOD));
    const { code, stdout, stderr } = await coreup(directory, ...args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  },
  60_000,
);
