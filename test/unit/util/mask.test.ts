import { describe, expect, it } from '@jest/globals';
import { reasonToHide, withoutSecrets } from '../../../src/util/mask.js';

describe('withoutSecrets hides', () => {
  it.each([
    ['Environment="FLEET_ETCD_PASSWORD=hunter2"', 'Environment="FLEET_ETCD_PASSWORD=(hidden)"'],
    ['password: hunter2 and more', 'password: (hidden)'],
    ['"api_key": "abc123"', '"api_key": "(hidden)"'],
    ['AWS_SECRET=abc', 'AWS_SECRET=(hidden)'],
    ['client-token: abc', 'client-token: (hidden)'],
    ['http://joe:hunter2@proxy:3128/', 'http://joe:(hidden)@proxy:3128/'],
    [
      '+Environment="ETCD_DISCOVERY=https://discovery.etcd.io/3e86b59982e49066c5d813af1c2e2579"',
      '+Environment="ETCD_DISCOVERY=https://discovery.etcd.io/(hidden)"',
    ],
    ['discovery: https://discovery.etcd.io/3e86b5', 'discovery: https://discovery.etcd.io/(hidden)'],
    [
      '{"level":"info","msg":"starting an etcd server","discovery-url":"http://10.0.0.9:4001/v2/keys/_etcd/registry/mine","discovery-proxy":""}',
      '{"level":"info","msg":"starting an etcd server","discovery-url":"http://10.0.0.9:4001/v2/keys/_etcd/registry/(hidden)","discovery-proxy":""}',
    ],
    ['etcdmain: discovery URL= http://10.0.0.9/mine', 'etcdmain: discovery URL= http://10.0.0.9/(hidden)'],
    [
      'error #0: Get "https://discovery.etcd.io/3e86b59982e49066c5d813af1c2e2579/_config/size": EOF',
      'error #0: Get "https://discovery.etcd.io/(hidden)/_config/size": EOF',
    ],
    [
      'PUT http://10.0.0.9:4001/v2/keys/discovery/6c007a14-875d-4fd9-9b29-9dbd76f3d1a8?prevExist=false',
      'PUT http://10.0.0.9:4001/v2/keys/discovery/(hidden)?prevExist=false',
    ],
    ['  - passwd: $6$rounds=4096$wZfs8Q$abcdefgh', '  - passwd: (hidden)'],
    ['root:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd:19000', 'root:(hidden):19000'],
    ['AWS_SECRET_ACCESS_KEY=abc', 'AWS_SECRET_ACCESS_KEY=(hidden)'],
    ['MYSQL_PWD=foo', 'MYSQL_PWD=(hidden)'],
    ['ExecStart=/bin/app --db-password hunter2 --port 1', 'ExecStart=/bin/app --db-password (hidden) --port 1'],
    ['password "x y"', 'password "(hidden)"'],
    ['ETCDCTL_USER=root:pw', 'ETCDCTL_USER=root:(hidden)'],
    [
      '+-----BEGIN PRIVATE KEY-----\n+MIGHAgEAMBMGByqGSM49\n+-----END PRIVATE KEY-----\n mode',
      '+-----BEGIN PRIVATE KEY-----\n+(hidden)\n+-----END PRIVATE KEY-----\n mode',
    ],
    ['Authorization: Bearer abcdefghijkl', 'Authorization: Bearer (hidden)'],
  ])('%s', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
    expect(withoutSecrets(shown)).toBe(shown);
  });
});

describe('withoutSecrets leaves', () => {
  it.each([
    'Environment="ETCD_INITIAL_CLUSTER_TOKEN=my-cluster"',
    '    initial-cluster-token: my-cluster',
    'Environment="ETCD_KEY_FILE=/etc/etcd/member.key"',
    'Environment="ETCD_INITIAL_CLUSTER=core-01=http://10.0.0.1:2380"',
    'PasswordAuthentication no',
    'PWD=/root',
    'sudo on core-01 asks for the password again',
    'etcd --initial-cluster-token my-cluster',
    'Environment="ETCD_DISCOVERY_SRV=example.com"',
    'fleet.source: https://example.com/fleet-v1.0.0.tar.gz',
    'member 8e9e05c52164694d at http://10.0.0.1:2380/v2/members/8e9e05c52164694d',
    'ExecStart=/usr/bin/docker run --rm redis',
  ])('%s', (text) => {
    expect(withoutSecrets(text)).toBe(text);
  });
});

describe('reasonToHide', () => {
  it('hides what others may not read, and private keys', () => {
    expect(reasonToHide(0o600, 'x')).toBe('since the mode is 0600');
    expect(reasonToHide(0o644, '-----BEGIN EC PRIVATE KEY-----\n')).toMatch(/private key/);
    expect(reasonToHide(0o644, '-----BEGIN CERTIFICATE-----\n')).toBeUndefined();
  });
});
