import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnHost } from './lab/host-files.js';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbxcyCiHVkZ3z1c0qaWuspDsKHrijfdCZUTdbdNdCy';

const FULL = `#cloud-config
ssh_authorized_keys:
  - ${KEY}M stays
  - ${KEY}N goes
manage_etc_hosts: localhost
users:
  - name: visitor
    ssh_authorized_keys: ["${KEY}O visitor"]
write_files:
  - path: /etc/motd
    content: ours
  - path: /srv/removal/deep/er/file
    content: x
  - path: /srv/removal/shared/file
    content: x
  - path: /srv/linked
    content: ours
  - path: /run/removal/file
    content: x
coreos:
  update: {group: beta, reboot-strategy: off}
  units:
    - name: going.service
      command: start
      enable: true
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
        ExecStop=/bin/sh -c 'echo stopped >/srv/proof'
        [Install]
        WantedBy=multi-user.target
    - name: going@.service
      content: |
        [Service]
        ExecStart=/bin/sleep %i
    - name: going@1234.service
      command: start
    - name: going.timer
      command: start
      content: |
        [Timer]
        OnCalendar=yearly
    - name: cron-like.service
      mask: true
    - name: systemd-journald.service
      drop-ins:
        - name: 50-ours.conf
          content: |
            [Service]
            Environment=X=1
    - name: 50-going.network
      content: |
        [Match]
        Name=nothing0
`;
const EMPTY = `#cloud-config
ssh_authorized_keys:
  - ${KEY}M stays
`;

describe('what a later user-data no longer has', () => {
  let project: TestProject;
  const on: OnHost = async (command) => {
    const { code, stdout, stderr } = await project.coreup(['ssh', 'core-01', '--', command]);
    expect({ command, code, stderr: stderr.trim() }).toEqual({ command, code: 0, stderr: '' });
    return stdout;
  };
  const everything = (): Promise<string> =>
    on(
      `sudo find /etc /srv /run/systemd/system /run/removal /usr/share/coreos -xdev \\( -type f -o -type l -o -type d \\) ! -name '*-' ! -name '.pwd.lock' ! -name 'sub[ug]id' ! -name '*shadow' ! -name passwd ! -name group -printf '%p %y %m %u:%g %l\\n' 2>/dev/null | sort; sudo sha256sum /etc/hosts /etc/motd /etc/environment /srv/linked.target; true`,
    );
  const set = (text: string): Promise<void> => writeFile(join(project.directory, 'user-data'), withEtcd(text));
  let before = '';

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-removal' }`, { 'user-data': withEtcd(EMPTY) });
    expect((await project.coreup(['up'])).code).toBe(0);
    await on(
      "sudo sh -c 'echo theirs >/srv/linked.target; ln -s linked.target /srv/linked; echo 127.0.0.1 localhost theirs >/etc/hosts; rm -f /etc/motd; echo theirs >/etc/motd; chmod 600 /etc/motd'",
    );
    before = await everything();
  });
  afterAll(() => project.dispose());

  it('is there first', async () => {
    await set(FULL);
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, problem: code === 0 ? '' : stderr }).toEqual({ code: 0, problem: '' });
    expect(stderr).toContain('core-01 has no locksmith');
    expect(await on('cat /etc/motd /srv/linked; echo; readlink /srv/linked || true; cat /srv/linked.target')).toBe(
      'oursours\ntheirs',
    );
    expect(await on('cat /etc/hosts; cat /etc/coreos/update.conf')).toBe(
      '127.0.0.1 core-01\nGROUP=beta\nREBOOT_STRATEGY=off',
    );
    expect(await on('systemctl is-active going.service going@1234.service going.timer')).toBe('active\nactive\nactive');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('is taken away: units stopped first, what was there before back in its place, and nothing else touched', async () => {
    await on("sudo sh -c 'echo mine >/srv/removal/shared/mine'");
    await on(`echo '${KEY}P somebody else' >>~/.ssh/authorized_keys`);
    await set(EMPTY);
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, problem: code === 0 ? '' : stderr }).toEqual({ code: 0, problem: '' });
    expect(await on('cat /srv/proof')).toBe('stopped');
    expect(
      await on(
        'systemctl list-units --all --no-legend --plain "going*" | cat; systemctl list-unit-files --no-legend "going*" | cat',
      ),
    ).toBe('');
    expect(await on('systemctl is-system-running')).toBe('running');
    expect(await on('cat /srv/removal/shared/mine; ls /srv/removal /srv/removal/shared')).toBe(
      'mine\n/srv/removal:\nshared\n\n/srv/removal/shared:\nmine',
    );
    expect(await on('cat ~/.ssh/authorized_keys | cut -d" " -f3-')).toBe('stays\nsomebody else');
    // Accounts stay, and let nobody in.
    expect(await on('getent passwd visitor | cut -d: -f1; sudo cat ~visitor/.ssh/authorized_keys')).toBe('visitor');

    await on('sudo rm -r /srv/proof /srv/removal');
    expect(await everything()).toBe(before);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('stays where somebody has changed it, and that is said', async () => {
    await set(`${EMPTY}write_files:\n  - {path: /srv/edited, content: ours}\n  - {path: /srv/theirs, content: x}\n`);
    expect((await project.coreup(['up'])).code).toBe(0);
    await on("sudo sh -c 'echo more >>/srv/edited; rm /srv/theirs; ln -s /etc/hosts /srv/theirs'");
    await set(EMPTY);
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    for (const path of ['/srv/edited', '/srv/theirs']) {
      expect(stderr).toContain(`core-01 keeps ${path}: it is no longer in the user-data, but somebody has changed it`);
    }
    expect(await on('cat /srv/edited; readlink /srv/theirs')).toBe('oursmore\n/etc/hosts');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});
