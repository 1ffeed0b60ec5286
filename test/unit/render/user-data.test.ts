import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readUserData } from '../../../src/cloud-config/read-user-data.js';
import { staticDiscovery } from '../../../src/discovery/static.js';
import { renderUserData, type Base, type Overrides } from '../../../src/render/user-data.js';
import { InputError } from '../../../src/util/errors.js';
import { CRLF, SHORT, STATIC } from '../../fixtures/user-data.js';
import { seedStatic } from '../../fixtures/seed.js';
import { clusterOf } from './support.js';

const NONE: Overrides = { etcd2: {}, fleet: {} };
const CLUSTER = clusterOf(3);
const INITIAL = 'core-01=http://10.1.0.1:2380,core-02=http://10.1.0.2:2380,core-03=http://10.1.0.3:2380';

function rendered(
  text: string,
  options: { kind?: Base['kind']; overrides?: Overrides; cluster?: typeof CLUSTER } = {},
): string[] {
  const { kind = 'cloud-config', overrides = NONE, cluster = CLUSTER } = options;
  const base = { kind, file: kind === 'template' ? 'user-data.hbs' : 'user-data', text };
  return renderUserData(cluster, staticDiscovery, base, {
    overrides: () => overrides,
    etcdVersion: () => undefined,
  }).map((userData) => userData.text);
}

/** The lines of `after` that `before` does not have, and the other way round. */
function changes(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `-${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+${line}`),
  ];
}

function inputError(work: () => unknown): InputError {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('a plain cloud-config', () => {
  it('changes only what must differ, in place, as it was written', () => {
    expect(changes(STATIC, rendered(STATIC)[1] ?? '')).toEqual([
      '-hostname: "cellar"   # replaced per member',
      "-    name: 'core-01'",
      '-    initial-cluster: core-01=http://10.1.0.1:2380,core-02=http://10.1.0.2:2380',
      '+hostname: "core-02"   # replaced per member',
      "+    name: 'core-02'",
      `+    initial-cluster: ${INITIAL}`,
    ]);
  });

  it('changes nothing of the seed’s, for the member it is written for, in a cluster with its addresses', () => {
    const cluster = {
      ...CLUSTER,
      members: CLUSTER.members.map((member) => ({ ...member, privateIpv4: `172.17.8.${100 + member.index}` })),
    };
    const [first, second] = rendered(seedStatic, { cluster });
    expect(first).toBe(seedStatic);
    expect(changes(seedStatic, second ?? '')).toEqual(['-    name: core-01', '+    name: core-02']);
  });

  it('keeps an initial-cluster that says the same in another order', () => {
    const text = STATIC.replace(/initial-cluster: .*/, `initial-cluster: ${INITIAL.split(',').reverse().join(',')}`);
    expect(changes(text, rendered(text)[2] ?? '').filter((line) => line.includes('initial-cluster'))).toEqual([]);
  });

  it('mends an initial-cluster with spaces, which etcd would take for part of a name', () => {
    const text = STATIC.replace(/initial-cluster: .*/, `initial-cluster: ${INITIAL.replaceAll(',', ', ')}`);
    expect(rendered(text)[0]).toContain(`initial-cluster: ${INITIAL}\n`);
  });

  it.each([
    ['with Windows line ends', CRLF],
    ['without a newline at its end', SHORT],
  ])('%s keeps them, and gets what it lacks', (_, text) => {
    rendered(text).forEach((after, index) => {
      expect(after.endsWith('\n')).toBe(text.endsWith('\n'));
      expect(/(?<!\r)\n/.test(after)).toBe(/(?<!\r)\n/.test(text));
      const { state } = readUserData(
        { file: 'user-data', text: after },
        { vars: { private_ipv4: `10.1.0.${index + 1}`, public_ipv4: 'x', public_ipv6: '', private_ipv6: '' } },
      );
      const dropIn = state.files.map(({ content }) => Buffer.from(content).toString()).join('');
      expect(dropIn).toContain(`Environment="ETCD_NAME=core-0${index + 1}"`);
      expect(dropIn).toContain(`Environment="ETCD_INITIAL_CLUSTER=${INITIAL}"`);
      expect(state.hostname).toBeNull();
      // No line of the author's is lost.
      expect(changes(text, after).filter((line) => line.startsWith('-') && !text.endsWith(line.slice(1)))).toEqual([]);
    });
  });

  it('takes what config.ts says, in etcd2 and fleet, in the author’s spelling of the keys', () => {
    const overrides = {
      etcd2: { 'initial-advertise-peer-urls': 'http://$private_ipv4:7001', 'heartbeat-interval': '200' },
      fleet: { metadata: 'role=web,disk=ssd' },
    };
    const [first = ''] = rendered(STATIC, { overrides });
    expect(first).toContain('    initial_advertise_peer_urls: http://$private_ipv4:7001\n');
    expect(first).toContain('  fleet: {public-ip: $public_ipv4, metadata: "role=web,disk=ssd"}\n');
    expect(first.match(/^ {4}heartbeat-interval: 200$/gm)).toHaveLength(1);
    expect(first).not.toContain('initial-advertise-peer-urls');
  });

  it('renders the same bytes every time', () => {
    const once = rendered(STATIC);
    expect(rendered(STATIC)).toEqual(once);
    expect(new Set(once).size).toBe(3);
  });

  it('names the file and the line where it cannot be read', () => {
    const error = inputError(() => rendered('#cloud-config\ncoreos:\n\tetcd2: {}\n'));
    expect(error.location).toMatchObject({ file: 'user-data', line: 3 });
    expect(error.frame).toContain('> 3 |');
  });
});

describe('the built-in template', () => {
  const text = readFileSync('templates/static.hbs', 'utf8');

  it('gives each member its own, readable, complete user-data', () => {
    const all = rendered(text, { kind: 'template' });
    all.forEach((userData, index) => {
      const name = `core-0${index + 1}`;
      expect(userData).toMatch(/^#cloud-config\n/);
      expect(userData).toContain(`\nhostname: ${name}\n`);
      expect(userData).toContain(`    name: ${name}\n`);
      expect(userData).toContain(`    initial-cluster: ${INITIAL}\n`);
      expect(userData).toContain('    initial-advertise-peer-urls: http://$private_ipv4:2380\n');
      expect(userData).not.toMatch(/\{\{|undefined|\[object/);
    });
    expect(rendered(text, { kind: 'template' })).toEqual(all);
  });

  it('takes what config.ts says', () => {
    const overrides = { etcd2: { 'election-timeout': '2000' }, fleet: { metadata: 'disk=ssd' } };
    const [first = ''] = rendered(text, { kind: 'template', overrides });
    expect(first).toContain('    election-timeout: 2000\n');
    expect(first).toMatch(/^ {2}fleet:\n {4}metadata: disk=ssd$/m);
  });
});

describe('a user’s template', () => {
  it('sees the cluster, its members, the member and the settings of the discovery mode', () => {
    const text = `#cloud-config
# {{cluster.name}} {{member.index}}/{{cluster.members.length}} {{member.role}} {{member.public_ipv4}}
# {{#each cluster.members}}{{name}}={{private_ipv4}}{{#unless @last}} {{/unless}}{{/each}}
# {{#if member.metadata.disk}}disk {{member.metadata.disk}}{{else}}no disk{{/if}}
# {{etcd.initial_cluster}} <&"'> $private_ipv4
`;
    const cluster = clusterOf(2, { 'core-02': { disk: 'a<b' } });
    const lines = rendered(text, { kind: 'template', cluster }).map((userData) => userData.split('\n').slice(1, 5));
    expect(lines).toEqual([
      [
        '# cellar 1/2 etcd 10.1.0.1',
        '# core-01=10.1.0.1 core-02=10.1.0.2',
        '# no disk',
        `# core-01=http://10.1.0.1:2380,core-02=http://10.1.0.2:2380 <&"'> $private_ipv4`,
      ],
      [
        '# cellar 2/2 etcd 10.1.0.2',
        '# core-01=10.1.0.1 core-02=10.1.0.2',
        '# disk a<b',
        `# core-01=http://10.1.0.1:2380,core-02=http://10.1.0.2:2380 <&"'> $private_ipv4`,
      ],
    ]);
  });

  it.each([
    ['{{nonsense}}', 'nonsense', 3],
    ['x {{member.nmae}}', 'member.nmae', 5],
    ['{{etcd.discovery}}', 'etcd.discovery', 3],
    ['{{member.metadata.disk}}', 'member.metadata.disk', 3],
  ])('with an unknown variable (%s) is refused with its place', (mistake, name, column) => {
    const error = inputError(() => rendered(`#cloud-config\n\n${mistake}\n`, { kind: 'template' }));
    expect(error.code).toBe('TEMPLATE_INVALID');
    expect(error.message).toBe(
      `the template user-data.hbs cannot be rendered for core-01: there is no variable "${name}"`,
    );
    expect(error.location).toMatchObject({ file: 'user-data.hbs', line: 3 });
    expect(error.frame).toContain(`> 3 | ${mistake}`);
    expect(error.location?.column).toBeGreaterThanOrEqual(column);
    expect(error.hint).toContain('member.{index,name');
  });

  it.each(['{{#each cluster.memebrs}}{{name}}{{/each}}', '{{#with membr}}{{name}}{{/with}}'])(
    'that goes over what is not there (%s) is refused with its place',
    (mistake) => {
      const error = inputError(() => rendered(`#cloud-config\n\n# ${mistake}\n`, { kind: 'template' }));
      expect(error.message).toContain('there is no such variable as {{#');
      expect(error.location).toEqual({ file: 'user-data.hbs', line: 3, column: 3 });
      expect(error.frame).toContain(`> 3 | # ${mistake}`);
    },
  );

  it.each(['{{#if x}}', '{{member.name', '{{/each}}', '{{> partial}}', '{{helper 1}}', '{{lookup}}'])(
    'that is none (%s) is refused',
    (mistake) => {
      const error = inputError(() => rendered(`#cloud-config\n${mistake}\n`, { kind: 'template' }));
      expect([error.code, error.exitCode]).toEqual(['TEMPLATE_INVALID', 2]);
      expect(error.message).toMatch(/^the template user-data\.hbs cannot be (read|rendered for core-01): \S/);
    },
  );
});

describe('a thousand members', () => {
  it('get a thousand different user-data, each with all of them', () => {
    const cluster = clusterOf(1000);
    const all = rendered(SHORT, { cluster });
    expect(new Set(all).size).toBe(1000);
    expect(all[999]).toContain('name: core-1000');
    expect(all[0]?.match(/core-\d+=/g)).toHaveLength(1000);
  });
});
