import { describe, expect, it } from '@jest/globals';
import { seedStatic } from '../../fixtures/seed.js';
import { configOf, coreup, directoryOf, listing } from './program.js';

const TIME = 60_000;
const ADDRESSES = ['--public-ipv4', '203.0.113.1', '--private-ipv4', '10.0.0.1'];
const CLUSTER = 'core-01=http://172.17.8.101:2380,core-02=http://172.17.8.102:2380,core-03=http://172.17.8.103:2380';
const DROP_IN = (name: string): string => `[Service]
Environment="ETCD_ADVERTISE_CLIENT_URLS=http://203.0.113.1:2379"
Environment="ETCD_INITIAL_ADVERTISE_PEER_URLS=http://10.0.0.1:2380"
Environment="ETCD_INITIAL_CLUSTER=${CLUSTER}"
Environment="ETCD_INITIAL_CLUSTER_TOKEN=coreOS-static"
Environment="ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379,http://0.0.0.0:4001"
Environment="ETCD_LISTEN_PEER_URLS=http://10.0.0.1:2380,http://10.0.0.1:7001"
Environment="ETCD_NAME=${name}"
`;

describe('a document alone', () => {
  it(
    'is explained as coreos-cloudinit has it, with --json',
    async () => {
      const directory = directoryOf({ 'user-data': seedStatic });
      const before = listing(directory);
      const { code, stdout } = await coreup(directory, 'explain', 'user-data', ...ADDRESSES, '--json');
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({
        hostname: null,
        users: [],
        ssh_authorized_keys: {},
        files: [
          {
            path: '/etc/environment',
            mode: '0644',
            owner: null,
            content: 'COREOS_PRIVATE_IPV4=10.0.0.1\nCOREOS_PUBLIC_IPV4=203.0.113.1\n',
            key: 'substitution variables',
            merged: true,
          },
          {
            path: '/run/systemd/system/etcd2.service.d/20-cloudinit.conf',
            mode: '0644',
            owner: null,
            content: DROP_IN('core-01'),
            key: 'coreos.etcd2',
            line: 5,
          },
        ],
        units: [{ name: 'etcd2.service', mask: false, enable: true, runtime: false, key: 'coreos.units[0]', line: 14 }],
        commands: [['start', 'etcd2.service']],
      });
      expect(listing(directory)).toEqual(before);
    },
    TIME,
  );

  it(
    'is told to a person with key and line, and where coreup puts what CoreOS keeps under /run',
    async () => {
      const { stdout, stderr } = await coreup(
        directoryOf({ 'user-data': seedStatic }),
        'explain',
        'user-data',
        ...ADDRESSES,
      );
      const lines = DROP_IN('core-01')
        .trimEnd()
        .split('\n')
        .map((line) => `    | ${line}\n`)
        .join('');
      expect({ stdout, stderr }).toEqual({
        stderr: '',
        stdout: `user-data

Files
  /run/systemd/system/etcd2.service.d/20-cloudinit.conf  0644  (user-data:5 coreos.etcd2)
    on a host without coreos-cloudinit: /etc/systemd/system/etcd2.service.d/20-cloudinit.conf
${lines}
Edits
  /etc/environment: sets these lines, others stay  (user-data substitution variables)
    | COREOS_PRIVATE_IPV4=10.0.0.1
    | COREOS_PUBLIC_IPV4=203.0.113.1

Units
  etcd2.service: enabled  (user-data:14 coreos.units[0])

Commands
  systemctl start etcd2.service  (user-data:14 coreos.units[0])

`,
      });
    },
    TIME,
  );

  it(
    'does not put secrets on a screen',
    async () => {
      const text = `#cloud-config
users:
  - name: alice
    passwd: $6$salt$hash
write_files:
  - path: /etc/closed
    permissions: "0600"
    content: closed-secret
  - path: /etc/key.pem
    content: |
      -----BEGIN EC PRIVATE KEY-----
      key-secret
  - path: /etc/binary
    encoding: base64
    content: /////w==
  - path: /etc/motd
    content: "\\e[31mred\\n"
coreos:
  etcd2:
    discovery_proxy: http://proxy:url-secret@10.0.0.9:3128
  fleet:
    etcd_password: fleet-secret
`;
      const directory = directoryOf({ 'user-data': text });
      const [plain, json] = await Promise.all([
        coreup(directory, 'explain', 'user-data'),
        coreup(directory, 'explain', 'user-data', '--json'),
      ]);
      expect(plain.code).toBe(0);
      expect(plain.stdout).not.toMatch(/secret|salt|\u001b/);
      expect(plain.stdout).toContain('passwd: (hidden)');
      expect(plain.stdout).toContain('(binary, 4 bytes)');
      expect(plain.stdout).toContain('Environment="FLEET_ETCD_PASSWORD=(hidden)"');
      expect(plain.stdout).toContain('| \\x1b[31mred');
      expect(json.stdout).toContain('closed-secret');
      expect(json.stdout).toContain('"content_base64": "/////w=="');
    },
    TIME,
  );

  it(
    'needs a value for each variable that is used',
    async () => {
      const { code, stdout, stderr } = await coreup(directoryOf({ 'user-data': seedStatic }), 'explain', 'user-data');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('user-data:7:35: $public_ipv4 is used here, but has no value');
      expect(stderr).toContain('--public-ipv4');
    },
    TIME,
  );

  it(
    'may change nothing',
    async () => {
      const { code, stdout } = await coreup(directoryOf({ 'user-data': '#cloud-config\n' }), 'explain', 'user-data');
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'user-data\n\n  It changes nothing.\n\n' });
    },
    TIME,
  );
});

describe('a cluster', () => {
  it(
    'is explained member by member, each with its own addresses',
    async () => {
      const text = `${seedStatic}manage_etc_hosts: localhost\n`;
      const directory = directoryOf({ 'config.ts': configOf(3), 'user-data': text });
      const before = listing(directory);
      const [all, one] = await Promise.all([
        coreup(directory, 'explain', '--json'),
        coreup(directory, 'explain', '--member', 'core-02'),
      ]);
      const { members } = JSON.parse(all.stdout) as { members: { name: string; files: { content: string }[] }[] };
      expect(members.map(({ name }) => name)).toEqual(['core-01', 'core-02', 'core-03']);
      expect(members[2]?.files[2]?.content).toContain('"ETCD_INITIAL_ADVERTISE_PEER_URLS=http://127.0.0.3:2380"');
      expect(one.stdout).toContain('| 127.0.0.1 core-02\n');
      expect(one.stdout).toMatch(/^core-02 \(user-data-2\)\n/);
      expect(one.stdout).toContain('| Environment="ETCD_NAME=core-02"');
      expect(one.stdout).not.toContain('core-01 (');
      expect(listing(directory)).toEqual(before);
    },
    TIME,
  );
});
