import { describe, expect, it } from '@jest/globals';
import { etcdServiceUnit } from '../../../src/etcd/service.js';
import { isSupported, needsEnableV2, parseEtcdVersion } from '../../../src/etcd/version.js';

describe('parseEtcdVersion, of what the releases print', () => {
  it.each([
    [
      'etcd Version: 3.4.23\nGit SHA: Not provided (use ./build instead of go build)\nGo Version: go1.19.8\nGo OS/Arch: linux/amd64\n',
      3,
      4,
      '3.4.23',
      true,
      true,
    ],
    [
      'etcd Version: 3.5.16\nGit SHA: GitNotFound\nGo Version: go1.24.4\nGo OS/Arch: linux/amd64\n',
      3,
      5,
      '3.5.16',
      true,
      true,
    ],
    [
      'etcd Version: 3.6.0\nGit SHA: f5d605a\nGo Version: go1.23.9\nGo OS/Arch: linux/amd64\n',
      3,
      6,
      '3.6.0',
      false,
      true,
    ],
    ['etcd Version: 3.7.0-alpha.0\nGit SHA: abc\n', 3, 7, '3.7.0-alpha.0', false, true],
    [
      'etcd Version: 2.3.8\nGit SHA: 7e4fc7e\nGo Version: go1.6.3\nGo OS/Arch: linux/amd64\n',
      2,
      3,
      '2.3.8',
      false,
      false,
    ],
    ['etcd version 2.0.0\n', undefined, undefined, undefined, false, false],
    ['3.4.23', 3, 4, '3.4.23', true, true],
    ['warning: something 1.2.3\netcd Version: 3.3.25\n', 3, 3, '3.3.25', false, false],
    ['', undefined, undefined, undefined, false, false],
    ['sh: 1: etcd: not found', undefined, undefined, undefined, false, false],
    ['etcd Version: \n', undefined, undefined, undefined, false, false],
  ])('%j', (output, major, minor, text, v2, supported) => {
    const version = parseEtcdVersion(output);
    expect(version).toEqual(text === undefined ? undefined : { major, minor, text });
    expect(version !== undefined && needsEnableV2(version)).toBe(v2);
    expect(version !== undefined && isSupported(version)).toBe(supported);
  });
});

describe('etcdServiceUnit', () => {
  const unit = etcdServiceUnit('/usr/bin/etcd', { major: 3, minor: 4, text: '3.4.23' });

  it('says each setting in the section where systemd looks for it (systemd.service(5), systemd.unit(5))', () => {
    const sections = new Map(
      unit
        .split(/^(?=\[)/m)
        .map((section): [string, string[]] => [section.slice(0, section.indexOf('\n')), section.split('\n').slice(1)]),
    );
    expect([...sections.keys()]).toEqual(['[Unit]', '[Service]', '[Install]']);
    expect(sections.get('[Unit]')).toContain('StartLimitIntervalSec=0');
    expect(sections.get('[Unit]')).toContain('Conflicts=etcd.service');
    expect(sections.get('[Service]')).toEqual(
      expect.arrayContaining(['Type=notify', 'Restart=always', 'User=etcd', 'TimeoutStartSec=infinity']),
    );
    expect(sections.get('[Install]')).toContain('WantedBy=multi-user.target');
  });

  it('is the same for the same etcd', () => {
    expect(etcdServiceUnit('/usr/bin/etcd', { major: 3, minor: 4, text: '3.4.23' })).toBe(unit);
  });
});
