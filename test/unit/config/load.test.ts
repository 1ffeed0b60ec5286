import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Installed, type Outcome } from './installed.js';

let coreup: Installed;
beforeAll(() => {
  coreup = new Installed();
});
afterAll(() => {
  coreup.remove();
});

const IMPORT = `import { defineConfig } from 'coreup';\n`;
/** A type annotation is what the short cut for plain configs does not take. */
const TYPED = `const typed: number = 1;\n`;

/** `line:column message` of every finding. */
function findings({ error, warnings }: Outcome): string[] {
  const all = error?.findings ?? warnings ?? [];
  return all.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe('forms of a config', () => {
  it.each([
    ['an object', `export default defineConfig({ num_instances: 3 });`],
    ['a function', `export default defineConfig(() => ({ num_instances: 3 }));`],
    ['an async function', `export default defineConfig(async () => { await null; return { num_instances: 3 }; });`],
    ['a bare object', `export default { num_instances: 3 };`],
    ['top-level await', `const n = await Promise.resolve(3);\nexport default defineConfig({ num_instances: n });`],
  ])('%s, plain or typed', async (_, body) => {
    const plain = await coreup.load(IMPORT + body);
    const typed = await coreup.load(IMPORT + TYPED + body);
    expect(plain.error ?? typed.error).toBeUndefined();
    expect(plain.config?.num_instances).toBe(3);
    expect({ ...typed.config, cluster_name: '' }).toEqual({ ...plain.config, cluster_name: '' });
  });

  it('imports JSON and other TypeScript files, which may import coreup too', async () => {
    const { config, error } = await coreup.load({
      'config.ts': `${IMPORT}import sizes from './sizes.json';\nimport { prefix } from './lib/prefix.js';
export default defineConfig({ num_instances: sizes.hosts, instance_name_prefix: prefix });`,
      'sizes.json': '{ "hosts": 3 }',
      'lib/prefix.ts': `${IMPORT}import type { Config } from 'coreup';
void defineConfig;\nexport const prefix: NonNullable<Config['instance_name_prefix']> = 'node';`,
    });
    expect(error).toBeUndefined();
    expect(config).toMatchObject({ num_instances: 3, instance_name_prefix: 'node' });
  });

  it.each(['sub/config.mjs', 'sub/other.js', 'sub/cluster.ts'])(
    'takes %s with --config, relative to cwd',
    async (file) => {
      const { dir, config } = await coreup.load({ [file]: `${IMPORT}export default defineConfig({});` }, file);
      expect(dir).toMatch(/\/sub$/);
      expect(config?.cluster_name).toBe('sub');
    },
  );

  it('takes CommonJS', async () => {
    const { config } = await coreup.load({ 'c.cjs': 'module.exports = { num_instances: 3 };' }, 'c.cjs');
    expect(config?.num_instances).toBe(3);
  });
});

describe('defaults', () => {
  it('fills in everything, the cluster name from the directory', async () => {
    const { config, warnings } = await coreup.load('export default {};');
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      cluster_name: expect.stringMatching(/^my-project-\d+$/),
      num_instances: 1,
      instance_name_prefix: 'core',
      discovery: { mode: 'static' },
      etcd: { members: 1, source: 'system' },
      fleet: { enabled: 'auto', metadata: {} },
      services: [],
      provider: { kind: 'local', suite: 'bookworm', subnet: '172.17.8.0/24' },
      ssh: { accept_new: false, connect_timeout: 60 },
    });
  });

  it('finds user-data or user-data.hbs, and says when there are both', async () => {
    const one = await coreup.load({ 'config.ts': 'export default {};', 'user-data.hbs': '' });
    expect(one.config?.user_data).toBe(join(one.dir ?? '', 'user-data.hbs'));
    const both = await coreup.load({ 'config.ts': 'export default {};', 'user-data.hbs': '', 'user-data': '' });
    expect(both.config?.user_data).toBe(join(both.dir ?? '', 'user-data'));
    expect(findings(both)).toEqual([expect.stringContaining('both user-data and user-data.hbs')]);
  });

  it('counts the hosts of the ssh provider and takes their metadata', async () => {
    const { config } = await coreup.load(`export default { provider: { kind: 'ssh', hosts: [
      { address: '10.0.0.1', identity_file: 'keys/a', jump: [{ address: 'bastion_1', identity_file: 'keys/b' }] }, { address: 'b.example.com', metadata: { disk: 'ssd' } }, { name: 'x', address: '::1' },
    ] } };`);
    expect(config?.num_instances).toBe(3);
    expect(config?.fleet.metadata).toEqual({ 'core-02': { disk: 'ssd' } });
    expect(config?.provider).toMatchObject({
      hosts: [
        {
          identity_file: expect.stringMatching(/^\/.*\/keys\/a$/),
          jump: [{ address: 'bastion_1', identity_file: expect.stringMatching(/^\/.*\/keys\/b$/) }],
        },
        {},
        {},
      ],
    });
  });
});

describe('num_instances', () => {
  it.each([
    ['0', '0'],
    ['-1', '-1'],
    ['1.5', '1.5'],
    ['10000', '10000'],
    ['NaN', 'NaN'],
    ['null', 'null'],
    ["'3'", '"3" (text)'],
  ])('%s is refused', async (written, shown) => {
    const outcome = await coreup.load(`${IMPORT}export default defineConfig({\n  num_instances: ${written},\n});\n`);
    const quotes = written === "'3'" ? ' (write 3 without quotes)' : '';
    const message = `num_instances is ${shown}; it must be a whole number from 1 to 1000${quotes}`;
    expect(outcome.error).toMatchObject({
      name: 'ConfigError',
      code: 'CONFIG_INVALID',
      exitCode: 2,
      message,
      location: { file: 'config.ts', line: 3, column: 18 },
      findings: [{ file: 'config.ts', line: 3, column: 18, severity: 'error', path: 'num_instances', message }],
    });
    expect(outcome.error?.frame).toContain(`> 3 |   num_instances: ${written},\n    |                  ^`);
  });
});

describe('unknown keys', () => {
  it('names the nearest known one, at any depth', async () => {
    const outcome = await coreup.load(`${IMPORT}
export default defineConfig({
  num_instance: 3,
  etcd: { heartbeatInterval: 100, 'election-timeout': 1000, colour: 1 },
  provider: {
    kind: 'ssh',
    hosts: [{ address: '10.0.0.1' }, { adress: '10.0.0.2' }],
  },
});
`);
    expect(findings(outcome)).toEqual([
      '4:3 num_instance is not a known key; did you mean num_instances?',
      '5:11 etcd.heartbeatInterval is not a known key; did you mean heartbeat_interval?',
      '5:35 etcd.election-timeout is not a known key; did you mean election_timeout?',
      expect.stringMatching(/^5:61 etcd\.colour is not a known key; known here: members, tls, source, /),
      '8:38 provider.hosts[1].address is missing; it must be an IP address or a host name',
      '8:40 provider.hosts[1].adress is not a known key; did you mean address?',
    ]);
    expect(outcome.error?.message.split('\n').slice(0, 2)).toEqual([
      'config.ts has 6 errors',
      '  config.ts:4:3: num_instance is not a known key; did you mean num_instances?',
    ]);
  });

  it('says why a key of etcd cannot be set', async () => {
    const outcome = await coreup.load(`export default {\n  etcd: { name: 'x', initial_cluster: 'y' },\n};`);
    expect(findings(outcome)).toEqual([
      expect.stringContaining('2:11 etcd.name cannot be set: every member is named after its host'),
      expect.stringContaining('2:22 etcd.initial_cluster cannot be set: coreup writes it'),
    ]);
  });
});

it('finds the place behind constants and functions', async () => {
  const outcome = await coreup.load(`${IMPORT}${TYPED}
const hosts = [
  { address: '10.0.0.1' },
  { address: '10.0.0.1', port: 0 },
] as const;
function provider() {
  return { kind: 'ssh', hosts };
}
export default defineConfig(async () => {
  const rest = { fleet: {} };
  return { ...rest, etcd: { members: 9 } satisfies object, provider: provider() };
});
`);
  expect(findings(outcome)).toEqual(['6:32 provider.hosts[1].port is 0; it must be a whole number from 1 to 65535']);
});

it('reports what holds between keys together with wrong values', async () => {
  const outcome = await coreup.load(`export default {
  num_instances: 3,
  etcd: { members: 5, tls: true, cert_file: '/etc/server.pem' },
  fleet: { metadata: { 'core-1': { a: 'b' } } },
  ssh: { accept_new: 'yes' },
};`);
  expect(findings(outcome)).toEqual([
    '3:20 etcd.members is 5, but there are only 3 instances; it must be a whole number from 1 to 3',
    '3:45 etcd.cert_file names a file of yours, and with tls: true coreup makes the certificates; leave one of them out',
    '4:34 fleet.metadata.core-1: there is no member core-1; did you mean core-01?',
    '5:22 ssh.accept_new is "yes" (text); it must be true or false',
  ]);
});

it('warns of an even number of members', async () => {
  const { config, warnings } = await coreup.load('export default { num_instances: 4 };');
  expect(config?.etcd.members).toBe(4);
  expect(warnings).toEqual([
    {
      file: 'config.ts',
      line: 1,
      column: 33,
      severity: 'warning',
      path: 'num_instances',
      message: '4 etcd members survive the loss of 1, as 3 do, and need one vote more; an odd number is better',
    },
  ]);
});

it('says that a user_data file is not there', async () => {
  const outcome = await coreup.load(`export default { user_data: 'nix' };`);
  expect(findings(outcome)).toEqual([
    '1:29 user_data is "nix", but there is no such file in the directory of the config',
  ]);
});

describe('a file that cannot be used', () => {
  it('is not there', async () => {
    const { error } = await coreup.load({});
    expect(error).toMatchObject({ name: 'InputError', code: 'CONFIG_NOT_FOUND', exitCode: 2 });
    expect(error?.message).toMatch(/^there is no config\.ts in \/.*My project/);
    expect(error?.hint).toContain('coreup init');
  });

  it('is a directory', async () => {
    const dir = coreup.project({});
    mkdirSync(join(dir, 'config.ts'));
    const { error } = await coreup.loadIn(dir);
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE', message: 'config.ts is a directory, not a config file' });
  });

  it.each([
    ['', 'config.ts is empty'],
    ['// nothing\n', 'config.ts has no default export, or exports undefined'],
    ['export const a = 1;\n', 'config.ts has no default export, or exports undefined'],
    [`${IMPORT}export default defineConfig(() => undefined);`, 'config.ts has no default export, or exports undefined'],
    ['export default 3;', expect.stringMatching(/^the config is 3; it must be an object \{ cluster_name\?, /)],
    ['export default [];', expect.stringMatching(/^the config is a list \[\]; it must be an object/)],
  ])('exports no config: %j', async (text, message) => {
    const { error } = await coreup.load(text);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2, message });
  });

  it.each(['', TYPED])('throws while it is loaded, after %j', async (head) => {
    const { error } = await coreup.load(
      `${IMPORT}${head}function key() {\n  throw new Error('no key');\n}\nkey();\nexport default defineConfig({});`,
    );
    const line = head ? 4 : 3;
    expect(error).toMatchObject({
      code: 'CONFIG_FAILED',
      exitCode: 2,
      message: 'config.ts throws an error: no key',
      location: { file: 'config.ts', line, column: 9 },
    });
    expect(error?.frame).toContain(`> ${line} |   throw new Error('no key');`);
  });

  it('throws on its first line', async () => {
    const { error } = await coreup.load(`const a = null.b;\nexport default { a };`);
    expect(error).toMatchObject({
      message: "config.ts throws an error: Cannot read properties of null (reading 'b')",
      location: { line: 1, column: 16 },
    });
  });

  it('throws on its first line, which the transpiler has moved', async () => {
    const { error } = await coreup.load(`throw new Error('boom');\n`);
    expect(error?.location).toEqual({ file: 'config.ts', line: 1 });
  });

  it('throws in its function, or in a file that it imports', async () => {
    const own = await coreup.load(
      `${IMPORT}export default defineConfig(async () => {\n  await null;\n  throw new TypeError('later');\n});`,
    );
    expect(own.error).toMatchObject({ message: 'config.ts throws an error: later', location: { line: 4, column: 9 } });
    const other = await coreup.load({
      'config.ts': `import './lib.js';\nexport default {};`,
      'lib.ts': `export const a: number = 1;\nthrow new Error('inside');\n`,
    });
    expect(other.error).toMatchObject({
      message: 'lib.ts throws an error: inside',
      location: { file: 'lib.ts', line: 2, column: 7 },
    });
    expect(other.error?.frame).toContain(`> 2 | throw new Error('inside');`);
  });

  it('throws what is no error', async () => {
    const { error } = await coreup.load(`throw 'tantrum';\nexport default {};`);
    expect(error).toMatchObject({ message: 'config.ts throws an error: tantrum', location: { file: 'config.ts' } });
  });

  it.each(['config.ts', 'config.mjs'])('has a syntax error: %s', async (name) => {
    const text = `${IMPORT}export default defineConfig({\n  num_instances: 3\n  etcd: {},\n});\n`;
    const { error } = await coreup.load({ [name]: text }, name);
    expect(error).toMatchObject({
      code: 'CONFIG_FAILED',
      exitCode: 2,
      message: `${name} cannot be read: Unexpected token, expected ","`,
      location: { file: name, line: 4, column: 3 },
    });
    expect(error?.frame).toContain('> 4 |   etcd: {},\n    |   ^');
  });

  it('imports what is not there', async () => {
    const { error } = await coreup.load(
      `${IMPORT}import { hosts } from './hosts.js';\nexport default defineConfig({ hosts });`,
    );
    expect(error).toMatchObject({
      message: 'config.ts cannot be loaded: it imports ./hosts.js, which cannot be found',
      location: { file: 'config.ts', line: 2, column: 23 },
    });
  });

  it('is no program', async () => {
    const { error } = await coreup.load({ 'config.yaml': 'a: 1' }, 'config.yaml');
    expect(error).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: 'config.yaml is neither TypeScript nor JavaScript',
    });
  });

  it('waits for ever with nothing left to wait for', () => {
    const { stdout } = coreup.loadAlone('export default new Promise(() => {});');
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'CONFIG_FAILED', message: 'config.ts never finishes: it waits for a promise that never settles' },
    });
  });
});

it('loads config.example.ts', async () => {
  const { config, error, warnings } = await coreup.load(readFileSync('config.example.ts', 'utf8'));
  expect(error).toBeUndefined();
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({ cluster_name: 'example', num_instances: 3 });
});
