import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { readFiles, type OnHost } from './lab/host-files.js';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { at } from './lab/moments.js';
import { TestProject, type Ended } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';

const MEGABYTES = 10;
const PATHS = ['/srv/cut/a', '/srv/cut/large', '/srv/cut/z'];

/** A user-data with a file of 10 MB between two small ones, all with content of this version only. */
function version(name: string): { text: string; contents: readonly string[] } {
  const large = randomBytes(MEGABYTES * 1024 * 1024);
  const contents = [name, large.toString('latin1'), name];
  const text = `#cloud-config
write_files:
  - path: ${PATHS[0]}
    content: ${name}
  - path: ${PATHS[1]}
    encoding: b64
    content: ${large.toString('base64')}
  - path: ${PATHS[2]}
    content: ${name}
`;
  return { text: withEtcd(text), contents };
}

describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
])('an apply on %s that is cut off', (_, suite) => {
  let project: TestProject;
  let old = version('old');
  const on: OnHost = async (command) => {
    const { code, stdout, stderr } = await project.coreup(['ssh', 'core-01', '--', command]);
    expect({ command, code, stderr }).toMatchObject({ command, code: 0 });
    return stdout;
  };

  /** Each file is as it was or as it will be, and nothing half-written has the name of one. */
  async function expectOldOrNew(next: typeof old): Promise<void> {
    const seen = [...(await readFiles(on, PATHS)).values()].map((file) => file?.content);
    seen.forEach((content, index) => {
      const which = content === old.contents[index] ? 'old' : content === next.contents[index] ? 'new' : 'neither';
      expect([PATHS[index], which]).not.toEqual([PATHS[index], 'neither']);
    });
  }

  /** The rerun makes all of it good. */
  async function expectConverges(next: typeof old): Promise<void> {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const seen = [...(await readFiles(on, PATHS)).values()].map((file) => file?.content);
    expect(seen.map((content, index) => content === next.contents[index])).toEqual([true, true, true]);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await on('ls -A /srv/cut')).toBe('a\nlarge\nz');
    old = next;
  }

  /** An `up` with this user-data, and a shell command that runs while the large file is under way to the host. */
  async function upWith(next: typeof old, fault: string): Promise<Ended> {
    await writeFile(join(project.directory, 'user-data'), next.text);
    return project.coreup(['up'], { env: at([{ line: `step core-01 file-write ${PATHS[1]}`, nth: 1 }], fault) });
  }

  /** Ends the sshd processes that serve a session on this test's own host: its disk shows in their mounts. */
  const endSessions = (): string => `
    ended=
    for process in /proc/[0-9]*; do
      grep -qE '^sshd(-session)?: core' $process/cmdline && grep -qF '${project.dataDir}' $process/mountinfo || continue
      kill -9 \${process#/proc/} && ended=yes
    done 2>/dev/null
    test -n "$ended"`;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-cut', provider: { kind: 'local', suite: '${suite}' } }`, {
      'user-data': old.text,
    });
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
  afterAll(() => project.dispose());

  it('by a SIGKILL of coreup', async () => {
    const next = version('after the kill');
    expect(await upWith(next, 'kill -9 $PPID')).toMatchObject({ signal: 'SIGKILL' });
    await expectOldOrNew(next);
    // What a power loss of the host would leave.
    await on('sudo touch /srv/cut/.coreup.halfDone');
    await expectConverges(next);
  });

  it('by the end of the session on the host', async () => {
    const next = version('after the session');
    const { code, stderr } = await upWith(next, endSessions());
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/core-01: file-write \S+ was cut off: .+/);
    await expectOldOrNew(next);
    await expectConverges(next);
  });

  it('by a cable that is pulled, and put back', async () => {
    const next = version('after the cable');
    const links = (await execa('ip', ['-o', 'link', 'show', 'type', 'veth'])).stdout;
    const [, link = ''] = /^\d+: ([^@:]+)@/m.exec(links) ?? [];
    expect(link).not.toBe('');
    const { code, stderr } = await upWith(next, `ip link set ${link} down`);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/core-01: file-write \S+ was cut off: .+/);
    await execa('ip', ['link', 'set', link, 'up']);
    await expectOldOrNew(next);
    await expectConverges(next);
  });

  it('by a disk that is full', async () => {
    // The directory becomes a disk of 12 MB: two versions of the file do not fit, the first is kept.
    await on(
      'sudo sh -c "mkdir /srv/saved && cp -a /srv/cut/. /srv/saved && mount -t tmpfs -o size=12m tmpfs /srv/cut && cp -a /srv/saved/. /srv/cut && rm -r /srv/saved"',
    );
    const next = version('after the disk');
    await writeFile(join(project.directory, 'user-data'), next.text);
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/core-01: file-write \/srv\/cut\/large failed: .*No space left on device/);
    await expectOldOrNew(next);
    expect(await on('ls -A /srv/cut')).toBe('a\nlarge\nz');
    await on('sudo mount -o remount,size=40m /srv/cut');
    await expectConverges(next);
  });
});
