import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { configSchema } from '../../../src/config/schema.js';
import { etcdKeys } from '../../../src/config/sections/etcd-keys.js';
import { fleetKeys } from '../../../src/config/sections/fleet-keys.js';
import type { KeyTable } from '../../../src/config/sections/keys.js';
import { referencePage } from '../../../src/config/reference.js';
import { ETCD2_SETTINGS } from '../../../src/etcd/settings.js';
import { FLEET_SETTINGS } from '../../../src/fleet/settings.js';
import type { Setting } from '../../../src/util/setting.js';

const KINDS = { text: 'string', flag: 'bool', count: 'int', number: 'float' } as const;

function kinds(table: KeyTable): Record<string, string> {
  return Object.fromEntries(
    Object.entries(table).map(([key, [kind]]) => [key, typeof kind === 'string' ? KINDS[kind] : 'string']),
  );
}

function settings(list: readonly Setting[], except: readonly string[]): Record<string, string> {
  return Object.fromEntries(list.filter(({ key }) => !except.includes(key)).map(({ key, type }) => [key, type]));
}

describe('keys of cloud-config', () => {
  it('are those of etcd2, with their types and order, but for what coreup writes', () => {
    const wanted = settings(ETCD2_SETTINGS, [
      'name',
      'initial_cluster',
      'initial_cluster_state',
      'force_new_cluster',
      'discovery',
      'discovery_srv',
    ]);
    expect(Object.entries(kinds(etcdKeys))).toEqual(Object.entries(wanted));
  });

  it('are those of fleet, but for metadata', () => {
    const wanted = settings(FLEET_SETTINGS, ['metadata']);
    expect(Object.entries(kinds(fleetKeys))).toEqual(Object.entries(wanted));
  });
});

it('describes every key', () => {
  expect(referencePage()).not.toMatch(/\| *\|$/m);
  for (const [key, schema] of Object.entries(configSchema.shape))
    expect([key, schema.description]).toEqual([key, expect.any(String)]);
});

it('has its reference page in docs', () => {
  expect(readFileSync('docs/config.md', 'utf8')).toBe(referencePage());
});

it('has every key in the example', () => {
  const example = readFileSync('config.example.ts', 'utf8');
  const keys = [...referencePage().matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key);
  expect(keys.length).toBeGreaterThan(80);
  expect(keys.filter((key) => !example.includes(`${key}:`))).toEqual([]);
});
