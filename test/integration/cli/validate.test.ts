import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { seedCustom, seedDns, seedExample, seedPublic, seedRedis, seedStatic } from '../../fixtures/seed.js';
import { configOf, coreup, directoryOf, listing, short, type Verdict } from './program.js';

const H = '#cloud-config\n';
const TIME = 60_000;

async function verdict(directory: string, ...args: string[]): Promise<Verdict & { readonly code: number }> {
  const { code, stdout } = await coreup(directory, 'validate', '--json', ...args);
  return { code, ...(JSON.parse(stdout) as Verdict) };
}

describe('a user-data for another discovery mode than that of config.ts', () => {
  const discovery = ({ issues }: Verdict): string[] =>
    issues
      .filter(({ rule }) => rule === 'discovery-mode')
      .map(({ file, line, column, severity, message }) => `${file}:${line}:${column} ${severity} ${message}`);

  it(
    'is warned of, since members do not get it',
    async () => {
      const result = await verdict(directoryOf({ 'config.ts': configOf(3), 'user-data': seedPublic }));
      expect(result).toMatchObject({ code: 0, valid: true });
      expect(discovery(result)).toEqual([
        'user-data:5:5 warning discovery is left out: config.ts says that members find each other by mode "static"',
      ]);
      const right = configOf(3, "discovery: { mode: 'custom' }");
      const same = await verdict(directoryOf({ 'config.ts': right, 'user-data': seedCustom }));
      expect(discovery(same)).toEqual([]);
    },
    TIME,
  );
});

describe('the examples of the chapter', () => {
  it(
    'are valid where they are',
    async () => {
      const directory = directoryOf({ static: seedStatic, public: seedPublic, custom: seedCustom });
      const result = await verdict(
        directory,
        '--user-data',
        'static',
        '--user-data',
        'public',
        '--user-data',
        'custom',
      );
      expect(result.code).toBe(0);
      expect(
        result.issues.map(({ file, line, severity, message }) => `${file}:${line} ${severity} ${message}`),
      ).toEqual([
        'static:5 info etcd2 is deprecated',
        'public:4 info etcd2 is deprecated',
        'public:5 info the discovery URL still has a placeholder',
        'custom:4 info etcd2 is deprecated',
      ]);
    },
    TIME,
  );

  it(
    'have a write_files that is no YAML, in the one for DNS',
    async () => {
      const { code, stdout, stderr } = await coreup(
        directoryOf({ 'user-data': seedDns }),
        'validate',
        '--user-data',
        'user-data',
      );
      expect({ code, stdout, stderr }).toEqual({
        code: 2,
        stderr: '',
        stdout: `user-data:17:2: error: not valid YAML: the indentation does not fit
  15 | write_files:
  16 |  - path: "/etc/resolv.conf"
> 17 |  permissions: "0644"
     |  ^
  18 |  owner: "root"
  19 |  content: |
→ Keys of one mapping, and items of one list, must start in the same column.

Not valid: user-data; 1 error.
`,
      });
    },
    TIME,
  );

  it(
    'have a sound unit',
    async () => {
      const result = await verdict(directoryOf({ 'example.service': seedExample }), '--unit', 'example.service');
      expect(result).toMatchObject({ code: 0, valid: true, issues: [] });
    },
    TIME,
  );

  it(
    'have a unit of two missing "=" and a container that nobody watches',
    async () => {
      const result = await verdict(directoryOf({ 'redis@1.service': seedRedis }), '--unit', 'redis@1.service');
      expect(result.code).toBe(2);
      expect(short(result)).toEqual([
        '10:1 error missing-equals',
        '10:14 warning relative-command',
        '11:1 error missing-equals',
        '11:11 warning relative-command',
        '11:11 warning docker-detached',
      ]);
      expect(result.issues[0]?.hint).toBe('Write "ExecStartPre=docker pull dockerfile/redis".');
    },
    TIME,
  );
});

describe('findings that are no errors', () => {
  const etcd = (lines: string): string => `${H}coreos:\n  etcd2:\n${lines}`;
  it.each<[string, string, string, string, string[]]>([
    ['nulled keys', etcd('    discovery:\n'), '4:5', 'found nothing, which is ignored', []],
    ['an unknown key', `${H}coreos:\n  unit: []\n`, '3:3', 'unrecognized key "unit"', []],
    [
      'an unknown unit',
      `${H}coreos:\n  units:\n    - name: mine.service\n      command: start\n`,
      '5:16',
      'mine.service',
      [],
    ],
    [
      'a drop-in',
      `${H}coreos:\n  units:\n    - name: docker.service\n      drop_ins:\n        - name: a\n          content: "[Service]"\n`,
      '6:17',
      '.conf',
      [],
    ],
    [
      'two files of one path',
      `${H}write_files:\n  - path: /a\n    content: a\n  - path: /a\n    content: b\n`,
      '5:11',
      '/a',
      [],
    ],
    [
      'a mode read as decimal',
      `${H}write_files:\n  - path: /a\n    permissions: 420\n    content: a\n`,
      '4:18',
      '420',
      [],
    ],
    ['a secret for all to read', `${H}coreos:\n  fleet:\n    etcd_password: hunter2\n`, '4:5', '0644', []],
    [
      'a setting that etcd ignores',
      etcd('    peer-ca-file: /a\n'),
      '4:5',
      'etcd 3.5 has no peer-ca-file',
      ['--etcd-version', '3.5'],
    ],
  ])(
    '%s',
    async (_name, text, place, message, args) => {
      const directory = directoryOf({ 'user-data': text });
      const [plain, strict] = await Promise.all([
        verdict(directory, '--user-data', 'user-data', ...args),
        verdict(directory, '--user-data', 'user-data', '--strict', ...args),
      ]);
      const told = plain.issues.map((issue) => `${issue.line}:${issue.column} ${issue.severity} ${issue.message}`);
      expect(told).toContainEqual(expect.stringMatching(new RegExp(`^${place} warning .*`)));
      expect(told.join('\n')).toContain(message);
      expect({ plain: [plain.code, plain.valid], strict: [strict.code, strict.valid] }).toEqual({
        plain: [0, true],
        strict: [2, false],
      });
    },
    TIME,
  );

  it(
    'are errors where a version of etcd would found a cluster for each host',
    async () => {
      const directory = directoryOf({ 'user-data': etcd('    discovery: https://d.example/a\n') });
      const result = await verdict(directory, '--user-data', 'user-data', '--etcd-version', 'v3.7');
      expect(result).toMatchObject({ code: 2, valid: false });
    },
    TIME,
  );
});

it(
  'unpacks gzip, and takes what cannot be read for an error of that file alone',
  async () => {
    const directory = directoryOf({ packed: gzipSync(Buffer.from(`${H}hostname: a\n`)), 'a.service': '[Service]\n' });
    const result = await verdict(directory, '--user-data', 'packed', '--user-data', 'none', '--unit', 'a.service', '.');
    expect(result.code).toBe(2);
    expect(result.issues.map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([
      'none:null there is no such file',
      expect.stringContaining('a.service:1 there is no ExecStart'),
      '.:null this is a directory',
    ]);
  },
  TIME,
);

describe('a project', () => {
  const base = `${H}# mine\ncoreos:\n  etcd2:\n    initial-advertise-peer-urls: http://$private_ipv4:2380\n    max_wal: 3\n  units:\n    - name: etcd2.service\n      command: start\n`;

  it(
    'is checked in the files that a person edits, its unit files included',
    async () => {
      const directory = directoryOf({
        'config.ts': configOf(3),
        'user-data': base,
        'units/redis@1.service': seedRedis,
        'units/web.service.d/10-more.conf': '[Service]\nType=fork\n',
        'units/README.md': 'not a unit',
      });
      const before = listing(directory);
      const result = await verdict(directory);
      expect(result.issues.map(({ file, line, severity }) => `${file}:${line} ${severity}`)).toEqual([
        'user-data:4 info',
        'user-data:6 warning',
        'units/redis@1.service:10 error',
        'units/redis@1.service:10 warning',
        'units/redis@1.service:11 error',
        'units/redis@1.service:11 warning',
        'units/redis@1.service:11 warning',
        'units/web.service.d/10-more.conf:2 error',
      ]);
      expect(listing(directory)).toEqual(before);
    },
    TIME,
  );

  it(
    'is not blamed for what coreup replaces',
    async () => {
      const named = base.replace('etcd2:\n', 'etcd2:\n    name:\n    initial-cluster: nonsense\n');
      const result = await verdict(directoryOf({ 'config.ts': configOf(3), 'user-data': named }));
      expect({ code: result.code, found: short(result) }).toEqual({
        code: 0,
        found: ['4:3 info structure', '8:5 warning structure'],
      });
    },
    TIME,
  );

  it(
    'is told what config.ts adds',
    async () => {
      const config = configOf(3, "etcd: { proxy: 'on' }");
      const directory = directoryOf({ 'config.ts': config, 'user-data': base });
      const result = await verdict(directory, '--etcd-version', '3.6');
      expect(result.issues.find(({ severity }) => severity === 'error')).toMatchObject({
        file: 'user-data-1',
        path: 'coreos.etcd2.proxy',
        message: expect.stringContaining('(as rendered for core-01)'),
      });
    },
    TIME,
  );

  it(
    'knows the etcd of the hosts that coreup makes',
    async () => {
      const config = "export default { provider: { kind: 'local', suite: 'trixie' } };\n";
      const debug = base.replace('max_wal: 3', 'debug: true');
      const result = await verdict(directoryOf({ 'config.ts': config, 'user-data': debug }));
      expect(result.issues.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/^etcd 3\.5\S* has no debug/),
      );
    },
    TIME,
  );

  it(
    'of a template has each finding once, for the first member that has it',
    async () => {
      const own = 'name: {{member.name}}\n    initial-cluster: {{etcd.initial_cluster}}';
      const template = `${base.replace('max_wal: 3', own)}{{#each member.metadata}}x: {{this}}\n{{/each}}bad: 1\n`;
      const config = configOf(5, "fleet: { metadata: { 'core-03': { odd: 'a' }, 'core-04': { odd: 'b' } } }");
      const result = await verdict(directoryOf({ 'config.ts': config, 'user-data.hbs': template }));
      const warnings = result.issues.filter(({ severity }) => severity === 'warning');
      expect(warnings.map(({ file, message }) => `${file} ${message}`)).toEqual([
        'user-data-1 unrecognized key "bad": it is ignored (as rendered for core-01)',
        'user-data-3 unrecognized key "x": it is ignored (as rendered for core-03)',
      ]);
    },
    TIME,
  );
});

it(
  'prints nothing but one document with --json, and no colours in a pipe',
  async () => {
    const directory = directoryOf({ 'config.ts': configOf(4), 'user-data': 'x' });
    const ends = await Promise.all(
      [['validate'], ['explain'], ['render'], ['render', '--stdout'], ['up'], ['validate', '--what']].map((args) =>
        coreup(directory, ...args, '--json'),
      ),
    );
    for (const { code, stdout } of ends) {
      expect(code).toBe(2);
      expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    }
    const { stdout } = await coreup(directory, 'validate');
    expect(stdout).not.toContain('\u001b');
  },
  TIME,
);
