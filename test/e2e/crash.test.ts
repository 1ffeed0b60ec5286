import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Store } from '../../src/providers/local/store.js';
import { diskOf } from './lab/disk.js';
import { requireIsolation } from './lab/isolation.js';
import { at, momentsOf, type Moment } from './lab/moments.js';
import { TestProject, type Ended } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

const MEMBERS = ['core-01', 'core-02', 'core-03'];
const NAME = 'e2e-crash';
/** Each fault at every moment, instead of at some of them: ten minutes instead of two. */
const ALL = process.env['COREUP_TEST_MOMENTS'] === 'all';
const EVERY = (nth: number) =>
  ALL ? ', at every moment' : `, at every ${nth}th moment (COREUP_TEST_MOMENTS=all: at all of them)`;
const KILL = 'kill -9 $PPID';

const CONFIG = `{ cluster_name: '${NAME}', num_instances: 3, etcd: { tls: true, initial_cluster_token: 'the same each time' } }`;
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
/** What runs on a host, with which settings, and what a run has left there. */
const LOOK = [
  'sudo cat /proc/$(pidof etcd)/environ | tr "\\0" "\\n" | grep ^ETCD | sort',
  'systemctl is-active etcd2 after; systemctl is-enabled etcd2 after; systemctl list-units --failed --no-legend',
  'sudo ls -A /run/coreup 2>/dev/null | grep -vxE "lock|owner|steps"',
].join('; ');

/** How a fault shows in the run that it hits. */
type Judge = (ended: Ended, moment: Moment) => boolean;

function every(nth: number, moments: readonly Moment[], from = 0): readonly Moment[] {
  return ALL ? moments : moments.filter((_, index) => index % nth === from % nth);
}

describe('up from nothing', () => {
  let project: TestProject;
  let moments: readonly Moment[];
  let undisturbed: unknown;
  /** A copy of `.coreup/pki`. */
  let authority: string;
  const paths = (member: string) => new Store(NAME, project.dataDir).host(member);

  /** Everything that an `up` has made: disks, processes, units, and what there is in the project. */
  async function made(): Promise<unknown> {
    const looks = await project.json<ExecDocument>(['exec', '--', LOOK]);
    return {
      disks: MEMBERS.map((member) => Object.fromEntries(diskOf(paths(member).upper))),
      hosts: looks.members,
      files: [await readdir(project.directory), await readdir(join(project.directory, '.coreup'))].map((f) => f.sort()),
    };
  }

  async function expectUndisturbed(moment: Moment | string): Promise<void> {
    const { code, stdout, stderr } = await project.coreup(['up']);
    expect({ moment, code, stdout, stderr }).toMatchObject({ code: 0 });
    expect({ moment, made: await made() }).toEqual({ moment, made: undisturbed });
  }

  async function destroyed(): Promise<void> {
    const { code, stderr } = await project.coreup(['destroy', '--yes']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    // Keys are never the same twice.
    await cp(authority, join(project.directory, '.coreup', 'pki'), { recursive: true });
  }

  /** Lets a fault happen to one `up` after the other, each from nothing; the next `up` must make the same hosts of it. */
  async function survive(chosen: readonly Moment[], fault: () => string, judge: Judge): Promise<void> {
    expect(chosen).not.toEqual([]);
    for (const moment of chosen) {
      const ended = await project.coreup(['up'], { env: at([moment], fault()) });
      if (!judge(ended, moment)) throw new Error(JSON.stringify({ moment, ended }, null, 2));
      await expectUndisturbed(moment);
      await destroyed();
    }
  }

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(CONFIG, { 'user-data': USER_DATA });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    moments = await momentsOf(project, 'core-02');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    undisturbed = await made();
    authority = join(project.dataDir, 'pki');
    await cp(join(project.directory, '.coreup', 'pki'), authority, { recursive: true });
    await destroyed();
  });
  afterAll(() => project.dispose());

  it('that is killed again and again, each time at a step further on, gets there all the same', async () => {
    let left = moments.filter(({ line }) => line.startsWith('step '));
    let killed = 0;
    for (let over = false; !over; killed++) {
      const { signal, code, stderr } = await project.coreup(['up'], { env: at(left, KILL) });
      const last = (await momentsOf(project, 'core-02')).at(-1);
      left = left.slice(left.findIndex(({ line, nth }) => line === last?.line && nth === last.nth) + 1);
      over = signal !== 'SIGKILL';
      if (over) expect({ code, stderr }).toMatchObject({ code: 0 });
    }
    expect(killed).toBeGreaterThan(5);
    await expectUndisturbed('after all');
    await destroyed();
  });

  it(`is made good by the next one after SIGKILL${EVERY(6)}`, async () => {
    await survive(every(6, moments), () => KILL, ({ signal }) => signal === 'SIGKILL'); // prettier-ignore
  });

  it(`is made good by the next one after the connection to a host is cut${EVERY(6)}`, async () => {
    const connected = moments.slice(moments.findIndex(({ line }) => line === 'phase Looking at the hosts'));
    const steps = moments.filter(({ line }) => line.startsWith('step '));
    const cutOff = ({ code, stderr }: Ended) => code === 1 && /^core-02: .* was cut off: /m.test(stderr);
    const named = ({ code, stderr }: Ended) => code === 1 && /^core-02: /m.test(stderr);
    await survive(
      every(6, connected, 2),
      () => 'ss -K dst 172.17.8.102 dport = 22',
      (ended, moment) =>
        // At the end, what was needed of the connection may have come already.
        steps.slice(0, -1).includes(moment) ? cutOff(ended) : named(ended) || ended.code === 0,
    );
  });

  it(`is made good by the next one after the power of everything fails${EVERY(12)}`, async () => {
    const power = () => MEMBERS.map((member) => `echo 1 >${paths(member).cgroup}/cgroup.kill`).join('; ');
    await survive(every(12, moments, 3), () => `(${power()}) 2>/dev/null; ${KILL}`, ({ signal }) => signal === 'SIGKILL'); // prettier-ignore
  });
});
