import { describe, expect, it } from '@jest/globals';
import { locator } from '../../../src/config/locate.js';
import { overridesFor } from '../../../src/config/overrides.js';
import { compilePlain } from '../../../src/config/plain.js';
import { safeName, type ResolvedConfig } from '../../../src/config/resolve.js';

describe('safeName', () => {
  it.each([
    ['My Cluster', 'my-cluster'],
    ['--a__b--', 'a-b'],
    ['', 'cluster'],
    ['日本', 'cluster'],
    [`${'a'.repeat(39)}-b`, 'a'.repeat(39)],
  ])('%j → %s', (name, wanted) => {
    expect(safeName(name)).toBe(wanted);
  });
});

describe('the short cut for plain configs', () => {
  const api = { defineConfig: (config: unknown) => config };
  const run = (text: string): Promise<unknown> | undefined => compilePlain(text, '/config.ts', api)?.();

  it.each([
    `import { defineConfig } from 'coreup';\nexport default defineConfig({ a: 1 });`,
    `import {defineConfig} from "coreup"\n// import nothing else\n/* export\n   nothing else */\nexport default { a: 1 }`,
    `const a = await Promise.resolve(1);\nexport default { a };`,
    `export default { a: 1 } // the end`,
  ])('takes %j', async (text) => {
    expect(await run(text)).toEqual({ a: 1 });
  });

  it.each([
    ['types', `const a: number = 1;\nexport default { a };`],
    ['satisfies', `export default { a: 1 } satisfies object;`],
    ['type arguments', `const a = new Map<string, number>();\nexport default { a };`],
    ['other imports', `import { a } from './a.js';\nexport default { a };`],
    ['dynamic imports', `export default await import('./a.js');`],
    ['import.meta', `export default { a: import.meta.url };`],
    ['require', `export default { a: require('./a.json') };`],
    ['__dirname', `export default { a: __dirname };`],
    ['other exports', `export const a = 1;\nexport default { a };`],
    ['two default exports', `export default 1;\nexport default 2;`],
    ['no export', `const a = 1;`],
    ['an unknown import', `import { other } from 'coreup';\nexport default {};`],
    ['a declaration', `export default function config() {}`],
    ['a syntax error', `export default {`],
  ])('leaves %s to the loader', (_, text) => {
    expect(run(text)).toBeUndefined();
  });

  it('lets a name be used that is not imported no more than a module does', async () => {
    await expect(run(`export default defineConfig({});`)).rejects.toThrow('defineConfig is not defined');
  });
});

describe('locator', () => {
  it('gives the nearest place around what cannot be followed', async () => {
    const locate = await locator(`const rest = {};\nexport default {\n  etcd: { ...rest },\n  list: [...rest, 1],\n};`);
    expect(locate(['etcd', 'tls'], 'value')).toEqual({ line: 3, column: 9 });
    expect(locate(['list', 1], 'value')).toEqual({ line: 4, column: 9 });
    expect(locate(['fleet'], 'key')).toEqual({ line: 2, column: 16 });
  });

  it('survives names that go in circles, and files without a default export', async () => {
    const circle = await locator('const a = b; const b = a; export default a;');
    expect(circle(['x'], 'value')).toMatchObject({ line: 1 });
    const none = await locator('const a = 1;');
    expect(none(['x'], 'value')).toBeUndefined();
    const broken = await locator('export default {');
    expect(broken(['x'], 'value')).toBeUndefined();
  });
});

it('overridesFor spells settings as cloud-config does', () => {
  const config = {
    etcd: { members: 1, tls: false, source: 'system', heartbeat_interval: 100, debug: true, data_dir: '/x' },
    fleet: { enabled: 'auto', metadata: {}, public_ip: '$public_ipv4' },
  } as unknown as ResolvedConfig;
  const member = {
    index: 1,
    name: 'core-01',
    role: 'etcd',
    publicIpv4: '',
    privateIpv4: '',
    metadata: { a: 'b', c: 'd' },
  } as const;
  expect(overridesFor(config, member)).toEqual({
    etcd2: { 'data-dir': '/x', debug: 'true', 'heartbeat-interval': '100' },
    fleet: { 'public-ip': '$public_ipv4', metadata: 'a=b,c=d' },
  });
  const off = { ...config, fleet: { ...config.fleet, enabled: false } } as ResolvedConfig;
  expect(overridesFor(off, member).fleet).toEqual({});
});
