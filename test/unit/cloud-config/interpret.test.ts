import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { explain, type Explanation } from '../../../src/cloud-config/explain.js';
import { effectiveFiles, type HostContext } from '../../../src/cloud-config/interpret.js';
import { readUserData } from '../../../src/cloud-config/read-user-data.js';

const read = (text: string, context: HostContext = {}): Explanation =>
  explain(readUserData({ file: 'user-data', text: `#cloud-config\n${text}` }, context).state);
const VARS = { public_ipv4: '172.17.8.101', private_ipv4: '10.0.0.1' };

describe("the seed's static example", () => {
  const result = read(
    `
---
coreos:
  etcd2:
    name: core-01
    advertise-client-urls: http://$public_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://0.0.0.0:2379,http://0.0.0.0:4001
    listen-peer-urls: http://$private_ipv4:2380,http://$private_ipv4:7001
    initial-cluster-token: coreOS-static
    initial-cluster: core-01=http://172.17.8.101:2380,core-02=http://172.17.8.102:2380
  units:
  - name: etcd2.service
    command: start
    enable: true
`,
    { vars: VARS },
  );

  it('becomes a drop-in in declaration order', () => {
    expect(result.files.at(-1)).toEqual({
      path: '/run/systemd/system/etcd2.service.d/20-cloudinit.conf',
      mode: '0644',
      owner: null,
      key: 'coreos.etcd2',
      line: 5,
      content: `[Service]
Environment="ETCD_ADVERTISE_CLIENT_URLS=http://172.17.8.101:2379"
Environment="ETCD_INITIAL_ADVERTISE_PEER_URLS=http://10.0.0.1:2380"
Environment="ETCD_INITIAL_CLUSTER=core-01=http://172.17.8.101:2380,core-02=http://172.17.8.102:2380"
Environment="ETCD_INITIAL_CLUSTER_TOKEN=coreOS-static"
Environment="ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379,http://0.0.0.0:4001"
Environment="ETCD_LISTEN_PEER_URLS=http://10.0.0.1:2380,http://10.0.0.1:7001"
Environment="ETCD_NAME=core-01"
`,
    });
  });

  it('enables and starts etcd2', () => {
    expect(result.units).toEqual([
      { name: 'etcd2.service', mask: false, enable: true, runtime: false, key: 'coreos.units[0]', line: 14 },
    ]);
    expect(result.commands).toEqual([['start', 'etcd2.service']]);
  });

  it('merges the addresses into /etc/environment', () => {
    expect(result.files[0]).toMatchObject({
      path: '/etc/environment',
      content: 'COREOS_PRIVATE_IPV4=10.0.0.1\nCOREOS_PUBLIC_IPV4=172.17.8.101\n',
    });
  });
});

describe('sections', () => {
  const content = (text: string, path: string): string | undefined =>
    read(text).files.find((file) => file.path === path)?.content;

  it('leaves out zeros, nulls and what is of the wrong type', () => {
    expect(
      content(
        'coreos:\n  etcd2:\n    name: ~\n    debug: false\n    max_wals: 0\n    max_snapshots: "5"\n    proxy: off\n    data_dir: ""\n    cors: [x]\n',
        '/run/systemd/system/etcd2.service.d/20-cloudinit.conf',
      ),
    ).toBe('[Service]\nEnvironment="ETCD_PROXY=off"\n');
    expect(read('coreos:\n  etcd2:\n    name: ~\n').files).toEqual([]);
  });

  it('spells the odd variables', () => {
    expect(
      content(
        'coreos: {etcd: {snapshot_count: 7, cluster_remove_delay: 1800.5, snapshot: yes}}',
        '/run/systemd/system/etcd.service.d/20-cloudinit.conf',
      ),
    ).toBe(
      '[Service]\nEnvironment="ETCD_CLUSTER_REMOVE_DELAY=1800.5"\nEnvironment="ETCD_SNAPSHOT=true"\nEnvironment="ETCD_SNAPSHOTCOUNT=7"\n',
    );
    expect(
      content(
        'coreos: {locksmith: {window_start: "Thu 04:00", window_length: 1h, group: a}}',
        '/run/systemd/system/locksmithd.service.d/20-cloudinit.conf',
      ),
    ).toBe(
      '[Service]\nEnvironment="LOCKSMITHD_GROUP=a"\nEnvironment="REBOOT_WINDOW_START=Thu 04:00"\nEnvironment="REBOOT_WINDOW_LENGTH=1h"\n',
    );
    expect(content('coreos: {flannel: {interface: eth0, etcd_prefix: /x}}', '/run/flannel/options.env')).toBe(
      'FLANNELD_ETCD_PREFIX=/x\nFLANNELD_IFACE=eth0',
    );
    expect(
      content(
        'coreos: {fleet: {metadata: "a=b", etcd_request_timeout: 3}}',
        '/run/systemd/system/fleet.service.d/20-cloudinit.conf',
      ),
    ).toBe('[Service]\nEnvironment="FLEET_ETCD_REQUEST_TIMEOUT=3"\nEnvironment="FLEET_METADATA=a=b"\n');
  });

  it('writes oem-release and hosts', () => {
    expect(
      content('coreos:\n  oem: {id: x, name: A "B", version_id: 1.0, home_url: "http://x"}\n', '/etc/oem-release'),
    ).toBe('ID=x\nVERSION_ID=1.0\nNAME="A \\"B\\""\nHOME_URL="http://x"\nBUG_REPORT_URL=""\n');
    expect(content('hostname: a\nmanage_etc_hosts: localhost\n', '/etc/hosts')).toBe('127.0.0.1 a\n');
    expect(() => read('manage_etc_hosts: yes\n')).toThrow(/user-data:2:19: manage_etc_hosts can only be "localhost"/);
  });

  it('turns update into edits and commands', () => {
    const off = read('coreos: {update: {reboot-strategy: off, group: alpha}}');
    expect(off.files).toMatchObject([
      { path: '/etc/coreos/update.conf', content: 'GROUP=alpha\nREBOOT_STRATEGY=off\n' },
    ]);
    expect(off.units).toMatchObject([
      { name: 'locksmithd.service', mask: true, runtime: true },
      { name: 'update-engine.service', mask: false, runtime: false },
    ]);
    expect(off.commands).toEqual([
      ['stop', 'locksmithd.service'],
      ['restart', 'update-engine.service'],
    ]);
    expect(read('coreos: {update: {reboot-strategy: reboot}}').commands).toEqual([['restart', 'locksmithd.service']]);
    expect(() => read('coreos: {update: {reboot-strategy: never}}')).toThrow(
      /not allowed for coreos.update.reboot_strategy/,
    );
  });
});

describe('write_files', () => {
  it('reads modes as octal, whatever the YAML type', () => {
    const modes = ['0644', '644', '"0600"', '01777', '""'];
    const { files } = read(
      `write_files:\n${modes.map((mode) => `- {path: /a${mode.replaceAll('"', '')}, permissions: ${mode}}\n`).join('')}`,
    );
    expect(files.map(({ mode }) => mode)).toEqual(['0644', '0644', '0600', '0777', '0644']);
    expect(() => read('write_files:\n- {path: /a, permissions: rw-r--r--}\n')).toThrow(
      /user-data:3:27: the permissions/,
    );
  });

  it('decodes every encoding', () => {
    const packed = gzipSync('text\n').toString('base64');
    const entries = [
      ['b64', 'dGV4dAo='],
      ['base64', 'dGV4\n    dAo='],
      ['gz+b64', packed],
      ['gzip+base64', packed],
    ];
    const { files } = read(
      `write_files:\n${entries.map(([name, content], i) => `- path: /f${i}\n  encoding: ${name ?? ''}\n  content: |\n    ${content ?? ''}\n`).join('')}`,
    );
    expect(files.map(({ content }) => content)).toEqual(['text\n', 'text\n', 'text\n', 'text\n']);
    expect(read('write_files:\n- {path: /x, content: !!binary /wA=}\n').files[0]).toMatchObject({
      content_base64: '/wA=',
    });
    expect(read(`write_files:\n- {path: /x, encoding: gzip, content: !!binary ${packed}}\n`).files[0]).toMatchObject({
      content: 'text\n',
    });
    expect(() => read('write_files:\n- {path: /x, encoding: b64, content: "a b"}\n')).toThrow(/cannot be decoded/);
    expect(() => read('write_files:\n- {path: /x, encoding: rot13, content: a}\n')).toThrow(/unknown/);
  });

  it('cleans paths, keeps owners, and wins over /etc/environment', () => {
    const { files } = read(
      'write_files:\n- {path: etc//environment, owner: "core:core"}\n- {path: /etc/../etc/environment}\n',
      { vars: VARS },
    );
    expect(files).toMatchObject([
      { path: '/etc/environment', owner: 'core:core', content: '' },
      { path: '/etc/environment', owner: null },
    ]);
    expect(() => read('write_files:\n- {content: a}\n')).toThrow(/has no path/);
  });
});

describe('units', () => {
  it('writes content and drop-ins where they belong, in order', () => {
    const result = read(`coreos:
  fleet: {public_ip: 1.2.3.4}
  units:
  - name: a.service
    runtime: true
    content: "[Unit]"
    drop-ins:
    - {name: b.conf, content: "[Service]"}
    - {name: c.conf}
    command: restart
  - name: 10-x.network
    content: "[Match]"
    enable: true
    command: start
  - name: fleet.service
    mask: yes
  - {command: start}
`);
    expect(result.files.map(({ path, key }) => [path, key])).toEqual([
      ['/run/systemd/system/a.service', 'coreos.units[0]'],
      ['/run/systemd/system/a.service.d/b.conf', 'coreos.units[0].drop_ins[0]'],
      ['/etc/systemd/network/10-x.network', 'coreos.units[1]'],
      ['/run/systemd/system/fleet.service.d/20-cloudinit.conf', 'coreos.fleet'],
    ]);
    expect(result.units).toMatchObject([
      { name: 'a.service', runtime: true },
      { name: '10-x.network', enable: false },
      { name: 'fleet.service', mask: true },
    ]);
    expect(result.commands).toEqual([
      ['restart', 'systemd-networkd.service'],
      ['restart', 'a.service'],
    ]);
    expect(() => read('coreos: {units: [{name: a.service, command: strat}]}')).toThrow(/"strat" is no command/);
  });

  it('knows which files stay', () => {
    const { state } = readUserData({
      file: 'x',
      text: '#cloud-config\nwrite_files:\n- {path: /a, content: "1"}\n- {path: /a, content: "2"}\ncoreos: {units: [{name: a.service, mask: on, content: x}]}\n',
    });
    expect(effectiveFiles(state).map(({ path, content }) => [path, String(content)])).toEqual([['/a', '2']]);
  });
});

describe('users', () => {
  it('has every field', () => {
    const result = read(`users:
- name: elroy
  passwd: $6$x
  gecos: Elroy
  homedir: /home/e
  no-create-home: true
  primary_group: users
  groups: [sudo, docker]
  no_user_group: yes
  system: on
  no_log_init: true
  shell: /bin/sh
  ssh-authorized-keys: [" ssh-rsa AAAA e ", ""]
- gecos: nameless
ssh_authorized_keys:
- ssh-rsa AAAA c
`);
    expect(result.users).toEqual([
      {
        name: 'elroy',
        passwd: '$6$x',
        gecos: 'Elroy',
        homedir: '/home/e',
        no_create_home: true,
        primary_group: 'users',
        groups: ['sudo', 'docker'],
        no_user_group: true,
        system: true,
        no_log_init: true,
        shell: '/bin/sh',
        key: 'users[0]',
        line: 3,
      },
    ]);
    expect(result.ssh_authorized_keys).toEqual({ elroy: ['ssh-rsa AAAA e'], core: ['ssh-rsa AAAA c'] });
  });

  it('does not fetch keys', () => {
    expect(() => read('users: [{name: a, coreos_ssh_import_github: b}]')).toThrow(/would fetch SSH keys/);
  });
});
