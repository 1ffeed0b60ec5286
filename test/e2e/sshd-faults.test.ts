import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

/** Makes the host's sshd another one, until the host boots again. */
const withOption = (option: string): string =>
  [
    'sudo mkdir -p /run/systemd/system/ssh.service.d',
    `printf "[Service]\\nExecStart=\\nExecStart=/usr/sbin/sshd -D -o '${option}'\\n" | sudo tee /run/systemd/system/ssh.service.d/fault.conf`,
    'sudo systemctl daemon-reload',
    'sudo systemctl restart ssh',
  ].join(' && ');

/** Ends the sshd process that it was started by. */
const DROPPER = `sudo sh -c 'printf "#!/bin/sh\\nkill -9 \\$PPID\\n" >/run/drop && chmod 755 /run/drop'`;

const FAULTS: readonly [string, string, RegExp][] = [
  ['hangs', 'sudo systemctl kill --kill-who=main --signal=STOP ssh', /within 3 s: connected, but no SSH handshake$/],
  ['refuses sessions', withOption('MaxSessions=0'), /: the host refused to open a session \(/],
  ['drops every session', `${DROPPER} && ${withOption('ForceCommand=/run/drop')}`, /: the SSH connection was lost/],
];

describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
] as const)('%s with an sshd that', (_, suite) => {
  let hosts: BareHosts;
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3, suite);
    project = await TestProject.create(
      `{ cluster_name: 'e2e-sshd', provider: ${hosts.providerConfig}, ssh: { connect_timeout: 3 } }`,
    );
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  it.each(FAULTS)('%s: the host is named, and the others are untouched', async (_fault, command, said) => {
    expect(await project.coreup(['ssh', 'core-02', '--', command])).toMatchObject({ stderr: '' });
    const failed = await project.json<UpDocument>(['up']);
    expect(failed).toMatchObject({ ok: false, changes: 0, exitCode: 1 });
    expect(failed.members.filter(({ ok }) => !ok)).toEqual([
      { name: 'core-02', address: '172.17.8.102', ok: false, error: expect.stringMatching(said) },
    ]);
    const left = await project.json<ExecDocument>([
      'exec', '--on', 'core-01', '--on', 'core-03', '--',
      'ls -d /var/lib/coreup /etc/systemd/system/etcd2.service /var/lib/etcd2 2>/dev/null; pidof etcd; true',
    ]); // prettier-ignore
    expect(left.members.map(({ stdout }) => stdout)).toEqual(['', '']);
    await hosts.powerOff('core-02');
    await hosts.powerOn();
  });

  it('is as it was: the cluster comes up', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});
