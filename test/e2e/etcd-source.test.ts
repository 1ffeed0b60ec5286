import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { quote } from '../../src/util/shell.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { PROGRAM, TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

/** Makes packages of what is installed, with their real maintainer scripts, and a package archive of them on the host. */
const ARCHIVE = `set -e
mkdir -p /opt/archive; cd /opt/archive
for p in etcd-server etcd-client; do
  mkdir -p "$p/DEBIAN"
  dpkg -L "$p" | while read -r f; do [ ! -f "$f" ] || echo ".$f"; done | tar -C / -cT - | tar -xC "$p"
  for s in preinst postinst prerm postrm conffiles; do
    [ ! -f "/var/lib/dpkg/info/$p.$s" ] || cp "/var/lib/dpkg/info/$p.$s" "$p/DEBIAN/$s"
  done
  dpkg-query -W -f 'Package: \${Package}\\nVersion: \${Version}\\nArchitecture: \${Architecture}\\nMaintainer: Test <test@example.org>\\nDepends: \${Depends}\\nDescription: etcd\\n' "$p" >"$p/DEBIAN/control"
  dpkg-deb -Znone -b "$p" "$p.deb" >/dev/null
  { cat "$p/DEBIAN/control"; echo "Filename: ./$p.deb"; echo "Size: $(stat -c %s "$p.deb")"
    echo "SHA256: $(sha256sum "$p.deb" | cut -d' ' -f1)"; echo; } >>Packages
done
dpkg --purge etcd-server etcd-client
echo 'deb [trusted=yes] file:/opt/archive ./' >/etc/apt/sources.list
`;

describe.each([
  ['Debian 12', 'bookworm', '3.4.23'],
  ['Debian 13', 'trixie', '3.5.16'],
] as const)('hosts of %s without etcd, of which the first gets one from config.ts', (_, suite, version) => {
  let hosts: BareHosts;
  let project: TestProject;
  let other: TestProject;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(2, suite);
    project = await TestProject.create(config(0, 'system'));
    other = await TestProject.create(config(1, 'system'));
    await Promise.all([onHost(project, ARCHIVE), onHost(other, ARCHIVE)]);
    const { path } = JSON.parse((await execa(process.execPath, [PROGRAM, 'image', suite, '--json'])).stdout) as {
      path: string;
    };
    await mkdir(join(project.directory, 'etcd'));
    for (const name of ['etcd', 'etcdctl']) {
      await copyFile(join(path, 'usr/bin', name), join(project.directory, 'etcd', name));
    }
  });
  afterAll(() => hosts.dispose());

  const config = (index: number, source: string): string => `{
    cluster_name: 'e2e-source-${index}', num_instances: 1, etcd: { source: ${JSON.stringify(source)} },
    provider: { kind: 'ssh', hosts: ${JSON.stringify(hosts.hosts.slice(index, index + 1))} },
  }`;

  async function onHost(where: TestProject, script: string): Promise<string> {
    const { code, stdout, stderr } = await where.coreup(['ssh', 'core-01', '--', `sudo sh -c ${quote(script)}`]);
    if (code !== 0) throw new Error(stderr + stdout);
    return stdout;
  }
  const etcdOf = async (where: TestProject) => {
    const { etcd } = await where.json<StatusDocument>(['status']);
    return etcd.members.map(({ healthy, version }) => ({ healthy, version }));
  };
  const HEALTHY = [{ healthy: true, version }];

  it('names etcd.source where there is no etcd, and changes nothing', async () => {
    expect(await project.coreup(['up', '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /core-01: has no etcd, and etcd\.source .*\n.*etcd\.source: 'package'.*a directory/,
      ),
    });
    expect(await onHost(project, 'ls /var/lib/coreup /etc/systemd/system/etcd2.service 2>&1; true')).toMatch(
      /No such file.*\n.*No such file/,
    );
  });

  it('refuses a directory whose etcd is another program, before a host is reached', async () => {
    const wrong = join(project.directory, 'wrong');
    await mkdir(wrong);
    for (const name of ['etcd', 'etcdctl'])
      await copyFile(join(project.directory, 'etcd', 'etcdctl'), join(wrong, name));
    await project.configure(config(0, 'wrong'));
    expect(await project.coreup(['up', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is a program, but not etcd'),
    });
    await rm(wrong, { recursive: true });
  });

  it('takes etcd and etcdctl from a directory, and sends them once', async () => {
    await project.configure(config(0, 'etcd'));
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect(code === 0 ? '' : stderr).toBe('');
    expect(stderr).toContain(`etcd.source has etcd ${version}`);
    expect(await etcdOf(project)).toEqual(HEALTHY);
    expect((await project.coreup(['etcdctl', '--', 'put', 'kept', 'yes'])).stdout).toBe('OK');
    expect(await onHost(project, 'ls -A /dev/shm /tmp; readlink /proc/$(pidof etcd)/exe')).toMatch(
      /^\/dev\/shm:\n+\/tmp:\n[^]*\/usr\/local\/bin\/etcd$/,
    );
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('goes over to the package; the instance of the package never starts, and the data stays', async () => {
    await project.configure(config(0, 'package'));
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect(code === 0 ? '' : stderr).toBe('');
    expect(await etcdOf(project)).toEqual(HEALTHY);
    expect((await project.coreup(['etcdctl', '--', 'get', 'kept', '--print-value-only'])).stdout).toBe('yes');
    const seen = await onHost(
      project,
      'readlink /proc/$(pidof etcd)/exe; ls /usr/local/bin /var/lib/etcd; systemctl is-enabled etcd.service; journalctl -q -u etcd.service; true',
    );
    expect(seen).toBe('/usr/bin/etcd\n/usr/local/bin:\n\n/var/lib/etcd:\ndisabled');
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('takes over from the one that the installation of the package has started, if that holds nothing', async () => {
    await onHost(other, 'dpkg -i /opt/archive/*.deb </dev/null && ETCDCTL_API=3 etcdctl put mine 1');
    expect(await other.coreup(['up', '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/core-01: runs an etcd that coreup did not set up .*in use/),
    });
    await onHost(other, 'ETCDCTL_API=3 etcdctl del mine');
    const { code, stderr } = await other.coreup(['up', '--yes']);
    expect(code === 0 ? '' : stderr).toBe('');
    expect(await etcdOf(other)).toEqual(HEALTHY);
    expect(await onHost(other, 'systemctl is-active etcd.service etcd2.service; true')).toBe('inactive\nactive');
    expect(await other.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, changes: 0 });
  });
});
