import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compilePlain } from '../../../src/config/plain.js';
import { scaffold } from '../../../src/config/scaffold.js';
import { Installed } from './installed.js';

let coreup: Installed;
beforeAll(() => {
  coreup = new Installed();
});
afterAll(() => {
  coreup.remove();
});

const files = Object.fromEntries(scaffold('demo').map(({ path, text }) => [path, text]));

it('writes a config that loads as it is, without the TypeScript loader', async () => {
  const { config, error, warnings, dir } = await coreup.load(files);
  expect(error).toBeUndefined();
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({ cluster_name: 'demo', num_instances: 3, user_data: `${dir}/user-data` });
  expect(compilePlain(files['config.ts'] ?? '', 'config.ts', { defineConfig: () => undefined })).toBeDefined();
});

it('loads every commented example in it too', async () => {
  const text = (files['config.ts'] ?? '').replace(/^ {2}\/\/ (etcd|provider): /gm, '  $1: ');
  const { config, error } = await coreup.load({ ...files, 'config.ts': text });
  expect(error).toBeUndefined();
  expect(config?.provider.kind).toBe('ssh');
});

it('writes a cloud-config that is one', () => {
  const text = files['user-data'] ?? '';
  expect(text.split('\n')[0]).toBe('#cloud-config');
  expect(parse(text)).toEqual({
    coreos: {
      etcd2: {
        'advertise-client-urls': 'https://$private_ipv4:2379',
        'listen-client-urls': 'https://$private_ipv4:2379,https://127.0.0.1:2379',
        'initial-advertise-peer-urls': 'https://$private_ipv4:2380',
        'listen-peer-urls': 'https://$private_ipv4:2380',
        'initial-cluster-token': 'demo',
        'initial-cluster-state': 'new',
      },
      units: [{ name: 'etcd2.service', command: 'start', enable: true }],
    },
  });
});

it('ignores what coreup generates', () => {
  expect(files['.gitignore']?.split('\n')).toEqual(expect.arrayContaining(['user-data-[0-9]*', '.coreup/']));
});
