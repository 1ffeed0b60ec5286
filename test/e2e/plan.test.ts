import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quote } from '../../src/util/shell.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, PlanDocument, StatusDocument, UpDocument } from './lab/shapes.js';

const NAMES = ['core-01', 'core-02', 'core-03'];
const SECRET = 'correct-horse-battery';
const USER_DATA = `#cloud-config
coreos:
  etcd2:
    data-dir: /var/lib/etcd2
  units:
    - name: etcd2.service
      command: start
write_files:
  - path: /etc/app/secret
    permissions: "0600"
    content: ${SECRET}
  - path: /etc/app/app.env
    content: APP_PASSWORD=${SECRET}
`;
/** Everything that somebody might miss, by digest; etcd's own files live. */
const SNAPSHOT = `sudo sh -c 'find /etc /var/lib/coreup /var/lib/etcd2 -not -path "*/member/*" -type f -exec sha256sum {} + 2>/dev/null | sort -k2
  ls -A /var/lib/etcd2 /var/lib/etcd 2>/dev/null; pidof etcd; true'`;
const OVERRIDE = '/etc/systemd/system/etcd2.service.d/99-mine.conf';

/** Three hosts with a life of their own: what `plan` says of them, and what `up` then does. */
describe('plan and up', () => {
  let hosts: BareHosts;
  let project: TestProject;
  let other: TestProject;

  const config = (etcd: object = {}, of = hosts.hosts, name = 'e2e-plan') => `{
    cluster_name: '${name}', etcd: ${JSON.stringify(etcd)},
    provider: { kind: 'ssh', hosts: ${JSON.stringify(of)} },
  }`;
  const on = async (name: string, script: string) => {
    const { code, stdout, stderr } = await project.coreup(['ssh', name, '--', `sudo sh -c ${quote(script)}`]);
    if (code !== 0) throw new Error(stderr + stdout);
    return stdout;
  };
  const snapshot = async () => (await project.json<ExecDocument>(['exec', '--', SNAPSHOT])).members;
  const plan = (args: readonly string[] = []) => project.json<PlanDocument>(['plan', ...args]);
  /** The steps of a plan, as `up -v` tells of those it makes. */
  const told = ({ members }: PlanDocument) =>
    members.flatMap(({ name, steps }) =>
      steps.map(({ kind, target, reason }) => `${name}: ${kind} ${target} (${reason})`),
    );
  const made = (stderr: string) => stderr.split('\n').filter((line) => /^core-\d\d: [a-z-]+ .+ \(.+\)$/.test(line));
  /** When etcd last stopped and started on each member, in microseconds of one clock: the hosts share a kernel. */
  const times = async () =>
    Promise.all(
      NAMES.map(async (name) => {
        const command =
          'systemctl show --value -p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic etcd2';
        const [left = 0, ready = 0] = (await on(name, command)).split('\n').map(Number);
        return { left, ready };
      }),
    );

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3);
    project = await TestProject.create(config(), { 'user-data': USER_DATA });
    other = await TestProject.create(config({}, hosts.hosts.slice(2), 'theirs'));
    const [theirs] = await Promise.all([
      other.coreup(['up', '--yes']).then(() => other.coreup(['etcdctl', '--', 'put', 'precious', 'theirs'])),
      on('core-01', 'systemctl start etcd && ETCDCTL_API=3 etcdctl put precious mine'),
      on(
        'core-02',
        `mkdir -p ${OVERRIDE.replace(/[^/]+$/, '')} && printf '[Service]\\nEnvironment=ETCD_NAME=mine\\n' >${OVERRIDE}`,
      ),
    ]);
    expect(theirs).toMatchObject({ code: 0, stdout: 'OK' });
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  it('name what others have made on each host, each time, and change nothing', async () => {
    const before = await snapshot();
    const planned = await plan();
    expect(planned).toMatchObject({ ok: false, exitCode: 1 });
    const said = planned.failures.map(({ member, message }) => `${member}: ${message}`);
    expect(said).toEqual([
      expect.stringMatching(/^core-01: runs an etcd that coreup did not set up \(etcd\.service/),
      `core-02: has ${OVERRIDE}, a drop-in by somebody else that sets ETCD_NAME anew`,
      'core-03: belongs to the cluster theirs (/var/lib/coreup/manifest.json), whose etcd data is in /var/lib/etcd2',
    ]);
    for (const _ of [1, 2]) {
      const { code, stderr } = await project.coreup(['up', '--yes']);
      expect(code).toBe(1);
      for (const line of said) expect(stderr).toContain(line);
      expect(stderr).toContain('--adopt');
    }
    expect(await snapshot()).toEqual(before);
  });

  it('take it over with --adopt: up does what plan has shown, and nothing of theirs is lost', async () => {
    const before = await snapshot();
    const planned = await plan(['--adopt']);
    expect(planned).toMatchObject({ ok: true, exitCode: 0, failures: [] });
    expect(await snapshot()).toEqual(before);
    const { code, stderr } = await project.coreup(['up', '--yes', '--adopt', '-v']);
    expect(code === 0 ? '' : stderr).toBe('');
    expect(made(stderr).sort()).toEqual(told(planned).sort());
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
    const wal = 'member.before-coreup/wal/0000000000000000-0000000000000000.wal';
    expect(await on('core-03', `grep -ac precious /var/lib/etcd2/${wal}`)).toBe('1');
    expect(await on('core-02', `cat ${OVERRIDE}.before-coreup`)).toContain('ETCD_NAME=mine');
    expect(
      await on('core-01', 'systemctl is-active etcd; grep -ac precious /var/lib/etcd/default/member/wal/*.wal'),
    ).toBe('inactive\n1');
    expect(await plan(['--exit-code'])).toMatchObject({ changes: 0, exitCode: 0 });
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('roll a change from member to member, in the order that plan has shown; secrets stay hidden', async () => {
    await project.configure(config({ heartbeat_interval: 150 }));
    await on('core-02', 'rm /etc/app/secret; echo APP_PASSWORD=old >/etc/app/app.env');
    const before = await snapshot();
    const shown = await project.coreup(['plan', '--exit-code']);
    expect(shown.code).toBe(3);
    expect(shown.stdout).toContain('etcd: 3 of 3 voters up, the quorum is 2: tolerates 1 failure');
    expect(shown.stdout).toContain(
      '2. core-02 restarts: 2 of 3 (tolerates 0) up meanwhile, 3 of 3 (tolerates 1) afterwards',
    );
    expect(shown.stdout).toContain('+Environment="ETCD_HEARTBEAT_INTERVAL=150"');
    const planned = await plan();
    expect(JSON.stringify(planned) + shown.stdout + shown.stderr).not.toContain(SECRET);
    expect(planned.quorum).toMatchObject({ verdict: 'safe', rolled: NAMES });
    expect(planned.members.map(({ restarts }) => restarts)).toEqual(NAMES.map(() => ['etcd2.service']));
    expect(await snapshot()).toEqual(before);
    const { code, stderr } = await project.coreup(['up', '--yes', '-v']);
    expect(code === 0 ? '' : stderr).toBe('');
    expect(stderr).not.toContain(SECRET);
    expect(made(stderr).sort()).toEqual(told(planned).sort());
    const [first, second, third] = await times();
    expect(first?.ready).toBeLessThan(second?.left ?? 0);
    expect(second?.ready).toBeLessThan(third?.left ?? 0);
  });

  it('stop a rolling change at the first member that does not come back', async () => {
    const trap = '/etc/systemd/system/etcd2.service.d/99-trap.conf';
    await on('core-01', `printf '[Service]\\nExecStartPre=/bin/false\\n' >${trap}; systemctl daemon-reload`);
    await project.configure(config({ heartbeat_interval: 200 }));
    const before = await times();
    const failed = await project.json<UpDocument>(['up', '--yes']);
    expect(failed).toMatchObject({ ok: false, exitCode: 1, members: [{ ok: false }, { ok: true }, { ok: true }] });
    expect((await times()).slice(1)).toEqual(before.slice(1));
    await on('core-01', `rm ${trap}; systemctl daemon-reload`);
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true });
    expect(await plan()).toMatchObject({ changes: 0 });
  });

  it('refuse what would take the quorum, with the order that would not', async () => {
    await on('core-03', 'systemctl kill --signal=STOP etcd2');
    await on('core-01', 'sed -i /HEARTBEAT/d /etc/systemd/system/etcd2.service.d/20-cloudinit.conf');
    const before = await snapshot();
    const planned = await plan();
    expect(planned).toMatchObject({ ok: false, exitCode: 1, quorum: { verdict: 'refused' } });
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'core-01: must restart its etcd, which would leave 1 of 3 members, and 2 are the quorum: core-03 is down',
    );
    expect(stderr).toContain('The order that keeps the quorum: core-03, then core-01.');
    expect(await snapshot()).toEqual(before);
    await on('core-03', 'systemctl kill --signal=CONT etcd2');
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true });
  });
});
