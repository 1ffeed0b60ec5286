import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { Store } from '../../src/providers/local/store.js';
import { requireIsolation } from './lab/isolation.js';
import { everythingOf } from './lab/made.js';
import { at, momentsOf } from './lab/moments.js';
import { TestProject } from './lab/project.js';
import { atEvery, every, KILL, rounds, survive, Trial } from './lab/survive.js';

const NAME = 'e2e-crash';
/** Steps of many kinds, before etcd and after it. */
const USER_DATA = `#cloud-config
ssh_authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBLmPIIw1Ih2QWUZtVzTVjTyzUQOLb0VQAZbpxvVpwQb of-nobody
users:
  - name: ann
    passwd: $6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.
write_files:
  - path: /srv/crash/a
    permissions: '0640'
    content: a
coreos:
  etcd2:
    advertise-client-urls: http://$private_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://0.0.0.0:2379
    listen-peer-urls: http://$private_ipv4:2380
  units:
    - name: etcd2.service
      command: start
    - name: after.service
      command: start
      enable: true
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
        [Install]
        WantedBy=multi-user.target
`;

describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
] as const)('up from nothing, on %s', (_, suite) => {
  let project: TestProject;
  let trial: Trial;
  /** A copy of `.coreup/pki`: keys are never the same twice. */
  let authority: string | undefined;

  const config = `{
    cluster_name: '${NAME}',
    num_instances: 3,
    provider: { kind: 'local', suite: '${suite}' },
    etcd: { tls: true, initial_cluster_token: 'the same each time' },
  }`;
  const pki = () => join(project.directory, '.coreup', 'pki');
  const machines = {
    names: ['core-01', 'core-02', 'core-03'],
    paths: (name: string) => new Store(NAME, project.dataDir).host(name),
  };

  async function nothing(): Promise<void> {
    if (authority === undefined) return;
    const { code, stderr } = await project.coreup(['destroy', '--yes']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await cp(authority, pki(), { recursive: true });
  }

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config, { 'user-data': USER_DATA });
    trial = await Trial.of({
      project,
      machines,
      command: ['up'],
      victim: 'core-02',
      member: 'core-02',
      prepare: nothing,
      made: () => everythingOf(project, machines, ['etcd2', 'after']),
    });
    authority = join(project.dataDir, 'pki');
    await cp(pki(), authority, { recursive: true });
  });
  afterAll(() => project.dispose());

  it('that is killed again and again, each time at a step further on, gets there all the same', async () => {
    await nothing();
    let left = trial.moments.filter(({ line }) => line.startsWith('step '));
    let killed = 0;
    for (let over = false; !over; killed++) {
      const { signal, code, stderr } = await project.coreup(['up'], { env: at(left, KILL) });
      const last = (await momentsOf(project, 'core-02')).at(-1);
      left = left.slice(left.findIndex(({ line, nth }) => line === last?.line && nth === last.nth) + 1);
      over = signal !== 'SIGKILL';
      if (over) expect({ code, stderr }).toMatchObject({ code: 0 });
    }
    expect(killed).toBeGreaterThan(5);
    await trial.expectMade('being killed again and again');
  });

  if (suite === 'trixie') {
    it.each(rounds(11, 2))('is made good by the next one after %s', (_title, run) => run(trial.connected));
    return;
  }

  it(`is made good by the next one after SIGKILL${atEvery(9)}`, async () => {
    await survive('SIGKILL', every(9, trial.cases));
  });

  it(`is made good by the next one after the connection to a host is cut${atEvery(9)}`, async () => {
    await survive('a connection that is cut', every(9, trial.connected, 2));
  });

  it(`is made good by the next one after the power of a host fails${atEvery(15)}`, async () => {
    await survive('a power loss of one host', every(15, trial.connected, 8));
  });

  it(`is made good by the next one after the power of everything fails${atEvery(15)}`, async () => {
    await survive('a power loss of everything', every(15, trial.cases, 3));
  });
});
