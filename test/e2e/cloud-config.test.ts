import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';

const ETCD = `coreos:
  etcd2:
    advertise-client-urls: http://$private_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://0.0.0.0:2379
    listen-peer-urls: http://$private_ipv4:2380
`;

const FIRST = `#cloud-config
hostname: replaced
ssh_authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbxcyCiHVkZ3z1c0qaWuspDsKHrijfdCZUTdbdNdCyM somebody
users:
  - name: elroy
    gecos: Elroy Jetson
    groups: [sudo]
    shell: /bin/bash
    ssh_authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICClQnFfn/9sZ4SO8cxQKBiMTqa2H1yzlUiXpC6rG8uS elroy
write_files:
  - path: /etc/coreup-e2e/plain
    permissions: "0640"
    owner: root:adm
    content: |
      at $private_ipv4
      it's "quoted" \`text\` $HOME
  - path: /srv/in/a/new/directory/bytes
    encoding: b64
    content: AAEC/w==
  - path: /etc/coreup-e2e/goes-away
    content: old
  - path: /etc/coreup-e2e/edited-by-hand
    content: old
${ETCD}  fleet:
    metadata: region=eu
  units:
    - name: etcd2.service
      command: start
      enable: true
      drop-ins:
        - name: 30-nice.conf
          content: |
            [Service]
            Nice=5
    - name: hello.service
      command: start
      enable: true
      content: |
        [Service]
        ExecStart=/bin/sh -c 'echo hello from $private_ipv4; exec sleep infinity'
        [Install]
        WantedBy=multi-user.target
    - name: now-and-then.service
      runtime: true
      command: start
      content: |
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh -c 'date >>/var/lib/now-and-then'
    - name: never.service
      mask: true
    - name: fleet.service
      command: start
`;

const SECOND = FIRST.replace(/ {2}- path: \/etc\/coreup-e2e\/goes-away[^]*?(?=coreos:)/, '')
  .replace('echo hello from', 'echo good morning from')
  .replace(/ {4}- name: never.service\n {6}mask: true\n/, '');

describe('a cloud-config with everything in it', () => {
  let project: TestProject;
  const on = async (command: string): Promise<string> =>
    (await project.coreup(['ssh', 'core-01', '--', command])).stdout;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-cloud-config' }`, { 'user-data': FIRST });
  });
  afterAll(() => project.dispose());

  it('is applied, and nothing is left to do', async () => {
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('core-01 has no fleet');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('has made the host and its users what they should be', async () => {
    expect(await on('hostname; cat /etc/hostname')).toBe('core-01\ncore-01');
    expect(await on('getent passwd elroy | cut -d: -f5-; id -Gn elroy')).toBe(
      'Elroy Jetson:/home/elroy:/bin/bash\nelroy sudo',
    );
    expect(
      await on('sudo stat -c "%a %U" ~elroy/.ssh ~elroy/.ssh/authorized_keys; sudo cat ~elroy/.ssh/authorized_keys'),
    ).toMatch(/^700 elroy\n600 elroy\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICClQnFfn\S+ elroy$/);
    expect(await on('grep -c somebody ~core/.ssh/authorized_keys')).toBe('1');
  });

  it('has written the files, byte for byte', async () => {
    expect(await on('sudo cat /etc/coreup-e2e/plain; stat -c "%a %U:%G" /etc/coreup-e2e/plain')).toBe(
      'at 172.17.8.101\nit\'s "quoted" `text` $HOME\n640 root:adm',
    );
    expect(
      await on('od -An -tx1 /srv/in/a/new/directory/bytes; stat -c %a /srv/in/a/new /srv/in/a/new/directory/bytes'),
    ).toBe(' 00 01 02 ff\n755\n644');
    expect(await on('find / -xdev -name ".coreup.*" 2>/dev/null')).toBe('');
  });

  it('has put drop-ins where they survive a reboot', async () => {
    expect(await on('cat /etc/systemd/system/fleet.service.d/20-cloudinit.conf')).toBe(
      '[Service]\nEnvironment="FLEET_METADATA=region=eu"',
    );
    expect(await on('systemctl show -p Nice --value etcd2; ps -o ni= -C etcd')).toBe('5\n  5');
  });

  it('has started, enabled and masked units', async () => {
    expect(await on('systemctl is-active hello now-and-then; systemctl is-enabled hello never')).toBe(
      'active\nactive\nenabled\nmasked',
    );
    expect(await on('systemctl is-system-running')).toBe('running');
  });

  it('does at boot what CoreOS does at boot', async () => {
    expect((await project.coreup(['reload'])).code).toBe(0);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await on('systemctl is-active hello now-and-then etcd2; wc -l </var/lib/now-and-then')).toBe(
      'active\nactive\nactive\n2',
    );
  });

  it('takes away on the next up what it no longer has, but not what somebody has changed', async () => {
    await on('echo mine | sudo tee /etc/coreup-e2e/edited-by-hand');
    const etcd = await on('cat /proc/$(pidof etcd)/stat | cut -d" " -f1,22');
    await writeFile(join(project.directory, 'user-data'), SECOND);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await on('ls /etc/coreup-e2e; cat /etc/coreup-e2e/edited-by-hand')).toBe('edited-by-hand\nplain\nmine');
    expect(await on('systemctl is-enabled never 2>&1 || true')).not.toContain('masked');
    expect(await on('sudo journalctl -u hello -o cat -b | grep -c "good morning from 172.17.8.101"')).toBe('1');
    expect(await on('cat /proc/$(pidof etcd)/stat | cut -d" " -f1,22')).toBe(etcd);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('refuses before any change where a directory is in the way, and goes on when it is gone', async () => {
    await on('sudo mkdir -p /etc/coreup-e2e/in-the-way/full');
    await writeFile(
      join(project.directory, 'user-data'),
      SECOND.replace('write_files:\n', 'write_files:\n  - path: /etc/coreup-e2e/in-the-way\n    content: x\n'),
    );
    const failed = await project.coreup(['up']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /core-01: has something in the way: \/etc\/coreup-e2e\/in-the-way \(write_files\[0\], line \d+\) is a directory/,
    );
    await on('sudo rm -r /etc/coreup-e2e/in-the-way');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await on('cat /etc/coreup-e2e/in-the-way')).toBe('x');
  });
});
