import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../../src/cluster/types.js';
import { SshProvider } from '../../../src/providers/ssh.js';
import { SshClientConfig } from '../../../src/ssh/client-config.js';

const directory = mkdtempSync(join(tmpdir(), 'coreup-ignored-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('a setting that is not used is told once, with the members that are not all', async () => {
  const file = join(directory, 'config');
  writeFileSync(file, 'Host b c\n  CertificateFile /a\nHost *\n  StrictHostKeyChecking no\n');
  const hosts = ['a', 'b', 'c'].map((address) => ({ address }));
  const members = hosts.map(({ address }, index) => ({ name: `core-${address}`, index: index + 1 }));
  const told: string[] = [];
  const provider = new SshProvider(hosts, new SshClientConfig({ file }));
  await provider.ensure({ members } as unknown as Cluster, (text) => told.push(text));
  expect(told).toEqual([
    'StrictHostKeyChecking in your ssh configuration is not used',
    'CertificateFile in your ssh configuration is not used (core-b, core-c)',
  ]);
});
