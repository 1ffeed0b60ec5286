import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { explain } from '../../../src/cloud-config/explain.js';
import { interpret } from '../../../src/cloud-config/interpret.js';
import { parseCloudConfig } from '../../../src/cloud-config/parse.js';
import type { Finding } from '../../../src/cloud-config/finding.js';
import type { ValidateOptions } from '../../../src/cloud-config/rule.js';
import { validateCloudConfig, type Report } from '../../../src/cloud-config/validate.js';
import { InputError } from '../../../src/util/errors.js';
import { documents, runs } from './support.js';

const H = '#cloud-config\n';
const found = (text: string, options?: ValidateOptions): string[] =>
  validateCloudConfig({ file: 'user-data', text: H + text }, options).issues.map(
    ({ line, column, severity, rule, path }) => `${line}:${column} ${severity} ${rule} ${path}`,
  );

describe("coreos-cloudinit's own findings", () => {
  it.each<[string, string, string[]]>([
    ['bad YAML', 'a: b: c\n', ['2:4 error yaml-block-as-implicit-key ']],
    ['an unknown key', 'coreos:\n  unit: []\n', ['3:3 warning structure coreos.unit']],
    ['a wrong type', 'coreos: text\n', ['2:1 warning structure coreos']],
    [
      'a quoted number',
      'coreos: {etcd: {snapshot_count: "5"}}\n',
      ['2:10 info structure coreos.etcd', '2:17 warning structure coreos.etcd.snapshot_count'],
    ],
    [
      'a nulled key',
      'coreos:\n  fleet:\n    metadata:\n',
      ['3:3 info structure coreos.fleet', '4:5 warning structure coreos.fleet.metadata'],
    ],
    [
      'a deprecated key',
      'coreos:\n  etcd2:\n    ca_file: /x\n',
      ['3:3 info structure coreos.etcd2', '4:5 warning structure coreos.etcd2.ca_file'],
    ],
    [
      'an unknown command',
      'coreos:\n  units:\n  - name: sshd.service\n    command: lol\n',
      ['5:14 error validity coreos.units[0].command'],
    ],
    [
      'an unknown strategy',
      'coreos:\n  update:\n    reboot-strategy: false\n',
      ['4:22 error validity coreos.update.reboot_strategy'],
    ],
    ['off as a strategy', 'coreos:\n  update:\n    reboot-strategy: off\n', []],
    [
      'bad permissions',
      'write_files:\n- path: /a\n  permissions: "rw"\n',
      ['4:16 error validity write_files[0].permissions'],
    ],
    [
      'content that cannot be decoded',
      'write_files:\n- path: /a\n  encoding: b64\n  content: "@"\n',
      ['5:12 error write-files-encoding write_files[0].content'],
    ],
    ['a file under /usr', 'write_files:\n- path: /usr/bin/a\n', ['3:9 error write-files-usr write_files[0].path']],
    [
      'write_files under coreos',
      'coreos:\n  write_files:\n  - path: /a\n',
      ['3:3 warning structure coreos.write_files', '3:3 info write-files-under-coreos coreos.write_files'],
    ],
    [
      'a bad discovery URL',
      'coreos:\n  etcd:\n    discovery: disco\n',
      ['3:3 info structure coreos.etcd', '4:16 warning discovery-url coreos.etcd.discovery'],
    ],
    [
      'a reboot window',
      'coreos:\n  locksmith:\n    window-start: Mo 25:00\n    window-length: "1"\n',
      ['4:19 error validity coreos.locksmith.window_start', '5:20 error validity coreos.locksmith.window_length'],
    ],
  ])('%s', (_name, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('takes scripts and other texts for errors', () => {
    expect(validateCloudConfig({ file: 'x', text: '#!/bin/sh' })).toMatchObject({
      valid: false,
      issues: [{ line: 1, severity: 'error' }],
    });
    expect(validateCloudConfig({ file: 'x', text: '' })).toEqual({ valid: true, issues: [] });
  });
});

describe('more findings', () => {
  const etcd2 = (...lines: string[]): string[] =>
    found(`coreos:\n  etcd2:\n${lines.map((line) => `    ${line}\n`).join('')}`).filter(
      (each) => !each.includes('info'),
    );

  it.each<[string, string, string[]]>([
    [
      'a unit name',
      'coreos:\n  units:\n  - name: a b.service\n  - name: redis\n',
      ['4:11 error unit-name coreos.units[0].name', '5:11 error unit-name coreos.units[1].name'],
    ],
    [
      'a unit nothing provides',
      'coreos:\n  units:\n  - name: mine.service\n    command: start\n',
      ['5:14 warning unit-unknown coreos.units[0].command'],
    ],
    [
      'a unit that write_files provides',
      'coreos:\n  units:\n  - name: mine@1.service\n    command: start\nwrite_files:\n- path: /etc/systemd/system/mine@.service\n  content: "[Service]\\nExecStart=/bin/a"\n',
      [],
    ],
    [
      'a drop-in name',
      'coreos:\n  units:\n  - name: docker.service\n    drop-ins:\n    - name: a.txt\n      content: "[Service]"\n',
      ['6:13 warning drop-in-name coreos.units[0].drop_ins[0].name'],
    ],
    [
      'duplicates',
      'coreos:\n  units:\n  - name: a.target\n  - name: a.target\nwrite_files:\n- path: /a\n- path: //a\n',
      ['5:11 warning unit-duplicate coreos.units[1].name', '8:9 warning write-files-duplicate write_files[1].path'],
    ],
    [
      'a private key for all',
      'write_files:\n- path: /a\n  content: "-----BEGIN PRIVATE KEY-----"\n',
      ['3:9 warning write-files-secret write_files[0].permissions'],
    ],
    [
      'a private key for one',
      'write_files:\n- path: /a\n  permissions: "0600"\n  content: "-----BEGIN PRIVATE KEY-----"\n',
      [],
    ],
    [
      'modes',
      'write_files:\n- path: /a\n  permissions: 644\n- path: /b\n  permissions: 420\n- path: /c\n  permissions: "4755"\n',
      [
        '4:16 info write-files-permissions write_files[0].permissions',
        '6:16 warning write-files-permissions write_files[1].permissions',
        '8:16 warning write-files-permissions write_files[2].permissions',
      ],
    ],
    [
      'variables',
      'hostname: a\n# $public_ipv4\nwrite_files:\n- path: /a\n  content: ${public_ipv4} $private_ip $public_ipv6$public_ipv6\n',
      ['6:12 info substitution-braces ', '6:27 warning substitution-unknown ', '6:51 warning substitution-adjacent '],
    ],
    [
      'contents of units, at their line',
      'coreos:\n  units:\n  - name: a.service\n    content: |\n\n      [Service]\n      ExecStart docker run -d x\n',
      [
        '8:7 error missing-equals coreos.units[0].content',
        '8:17 warning relative-command coreos.units[0].content',
        '8:17 warning docker-detached coreos.units[0].content',
      ],
    ],
    [
      'enable without [Install]',
      'coreos:\n  units:\n  - name: a.service\n    enable: true\n    content: "[Service]\\nExecStart=/bin/a"\n',
      ['5:13 warning unit-enable coreos.units[0].enable'],
    ],
    [
      'masks',
      'coreos:\n  units:\n  - name: etcd2.service\n    mask: true\n    command: start\n',
      ['5:11 warning unit-mask coreos.units[0].mask'],
    ],
    [
      'users',
      'users:\n- name: core\n  passwd: secret\n- gecos: x\nssh_authorized_keys:\n- abc\n',
      [
        '4:11 warning user-passwd users[0].passwd',
        '5:3 warning user-name users[1].name',
        '7:3 warning ssh-key ssh_authorized_keys[0]',
      ],
    ],
    ['a host name', 'hostname: foo bar\n', ['2:11 error hostname hostname']],
    [
      'what would stop an apply',
      'users:\n- name: a\n  coreos_ssh_import_url: http://x\n',
      ['4:3 warning structure users[0].coreos_ssh_import_url', '4:26 error user-keys-fetched '],
    ],
  ])('%s', (_name, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('knows what etcd refuses', () => {
    expect(etcd2('discovery: https://x/y', 'initial-cluster: a=http://x:1')).toEqual([
      '5:22 error etcd-bootstrap coreos.etcd2.initial_cluster',
    ]);
    expect(etcd2('listen-client-urls: http://:2379')).toEqual(['4:25 error etcd-urls coreos.etcd2.listen_client_urls']);
    expect(etcd2('listen-peer-urls: "http://$private_ipv4:2380,http://[$private_ipv6]:7001"')).toEqual([]);
    expect(etcd2('heartbeat-interval: 1000')).toEqual(['4:25 error etcd-timing coreos.etcd2.heartbeat_interval']);
    expect(etcd2('initial-cluster-state: old')).toEqual([
      '4:28 error etcd-cluster-state coreos.etcd2.initial_cluster_state',
    ]);
    expect(etcd2('name: a', 'initial-cluster: b=http://x:1')).toEqual([
      '5:22 warning etcd-initial-cluster coreos.etcd2.initial_cluster',
    ]);
  });

  it('knows what a version of etcd ignores', () => {
    const text = 'coreos:\n  etcd2:\n    discovery: https://x/y\n    proxy: on\n';
    const at = (etcdVersion: string): string[] =>
      found(text, { etcdVersion }).filter((each) => each.includes('version'));
    expect(at('2.3')).toEqual([]);
    expect(at('3.5.16')).toEqual([]);
    expect(at('3.6.0')).toEqual([
      '4:5 warning etcd-version coreos.etcd2.discovery',
      '5:5 error etcd-version coreos.etcd2.proxy',
    ]);
    expect(at('3.7')).toEqual([
      '4:5 error etcd-version coreos.etcd2.discovery',
      '5:5 error etcd-version coreos.etcd2.proxy',
    ]);
  });

  it('finds variables without value where values are known', () => {
    const text = 'write_files:\n- path: /a\n  content: $public_ipv4 # $public_ipv6\n';
    expect(found(text)).toEqual([]);
    expect(found(text, { vars: { private_ipv4: '10.0.0.1' } })).toEqual(['4:12 error substitution-empty ']);
  });
});

describe("the seed's user-data", () => {
  it('is right but for a note, and for the DNS example', () => {
    const custom =
      'coreos:\n  etcd2:\n    discovery: http://172.17.8.101:4001/v2/keys/discovery/40134540\n    advertise-client-urls: http://$public_ipv4:2379\n    initial-advertise-peer-urls: http://$private_ipv4:2380\n    listen-client-urls: http://$public_ipv4:2379,http://$public_ipv4:4001\n    listen-peer-urls: http://$private_ipv4:2380,http://$private_ipv4:7001\n  units:\n    - name: etcd2.service\n      command: start\n      enable: true\n';
    expect(found(custom)).toEqual(['3:3 info structure coreos.etcd2']);
    const dns =
      'coreos:\n  etcd2:\n    discovery-srv: testdomain.com\nwrite_files:\n - path: "/etc/resolv.conf"\n permissions: "0644"\n owner: "root"\n content: |\n      nameserver 172.17.8.111\n';
    expect(found(dns)).toEqual(['7:2 error yaml-bad-indent ']);
  });
});

describe('any document', () => {
  it('gives a report, the same with comments and the other key spelling, and a valid one can be applied', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const report = validateCloudConfig({ file: 'x', text });
        // One `expect` for all: each takes longer than the rule that it checks.
        const incomplete = ({ line, column, message, hint }: Finding): boolean =>
          line < 1 || column < 1 || message === '' || hint === '';
        expect(report.issues.filter(incomplete)).toEqual([]);
        const state = attempt(text);
        if (report.valid) expect(state).toBeDefined();
        else expect(report.issues.some(({ severity }) => severity === 'error')).toBe(true);
        const verdict = verdictOf(report);
        const other = text.replace(/^( *(?:- )?)([a-z0-9_-]+):/gm, (_match, pad: string, key: string) =>
          key.includes('_') ? `${pad}${key.replaceAll('_', '-')}:` : `${pad}${key.replaceAll('-', '_')}:`,
        );
        expect(verdictOn(other)).toEqual(verdict);
        expect(verdictOn(`${text}\n# a comment at the end\n`)).toEqual(verdict);
        const rules = (each: string): string[] => each.split(' ', 1);
        expect(verdictOn(text.replace('\n', '\n# a comment at the top\n\n')).map(rules)).toEqual(verdict.map(rules));
      }),
      { numRuns: runs(300) },
    );
  });

  const verdictOf = ({ issues }: Report): string[] =>
    issues.map(({ severity, rule, path }) => `${severity} ${rule} ${path}`);
  const verdictOn = (text: string): string[] => verdictOf(validateCloudConfig({ file: 'x', text }));

  function attempt(text: string): unknown {
    try {
      return explain(interpret(parseCloudConfig({ file: 'x', text })));
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return undefined;
    }
  }

  it('finds each of many faults at its place', () => {
    const lines = 20_000;
    const unit = `${H}coreos:\n  units:\n    - name: a.service\n      content: |\n        [Service]\n`;
    const junk = validateCloudConfig({ file: 'x', text: unit + '        no assignment\n'.repeat(lines) }).issues;
    expect(junk.filter(({ rule }) => rule === 'missing-equals')).toHaveLength(lines);
    expect(junk.at(-1)).toMatchObject({ line: 6 + lines, column: 9 });
    const keys = validateCloudConfig({
      file: 'x',
      text: `${unit}        Typ=a\n${'        Typo=a\n'.repeat(lines)}`,
    }).issues;
    expect(keys.filter(({ rule }) => rule === 'unknown-key')).toHaveLength(lines + 1);
    expect(keys.find(({ rule }) => rule === 'unknown-key')?.hint).toBe('Did you mean Type?');
  });

  it('takes a megabyte of units', () => {
    let text = `${H}coreos:\n  units:\n`;
    let units = 0;
    while (text.length < 1e6) {
      text += `  - name: u${units++}.service\n    command: start\n    content: |\n      [Unit]\n      Description=x\n\n      [Service]\n      ExecStart=/usr/bin/docker run -d x\n`;
    }
    const { issues } = validateCloudConfig({ file: 'x', text });
    expect(issues.filter(({ rule }) => rule === 'docker-detached')).toHaveLength(units);
    expect(explain(interpret(parseCloudConfig({ file: 'x', text }))).files).toHaveLength(units);
  });
});
