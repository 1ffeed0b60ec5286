import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { at } from './lab/moments.js';
import { TestProject, type Ended } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

const LOOKED = { line: 'phase Locking the hosts', nth: 1 };
const LOCKED = { line: 'phase Applying the cloud-configs', nth: 1 };
/** Ends, on a host, whoever holds the lock: as a connection would that is cut. */
const CUT = `for p in /proc/[0-9]*; do [ "$(readlink $p/fd/9)" != /run/coreup/lock ] || kill -9 \${p#/proc/}; done`;

/** While one `up` stands still at an exact moment, another one runs to its end. */
describe('two people at the same time', () => {
  let hosts: BareHosts;
  let one: TestProject;
  let other: TestProject;
  let version = 0;

  /** What the other one said, with its exit code. */
  const heard = async (): Promise<string> => readFile(join(other.dataDir, 'heard'), 'utf8');
  const whileAt = (moment: typeof LOOKED, who: TestProject, ...commands: (readonly string[])[]): Promise<Ended> => {
    const output = join(other.dataDir, 'heard');
    const all = commands.map((args) => `( ${who.command(args, output)} )`).join('; ');
    return one.coreup(['up'], { env: at([moment], all) });
  };
  const content = async (): Promise<string> => {
    const { members } = await one.json<ExecDocument>(['exec', '--', 'cat /srv/version']);
    return members[0]?.stdout ?? '';
  };

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(1);
    one = await TestProject.create(`{ cluster_name: 'e2e-two', provider: ${hosts.providerConfig} }`);
    expect(await one.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    other = await one.copy();
  });
  // Something to change.
  beforeEach(async () => {
    const text = withEtcd(`#cloud-config\nwrite_files:\n  - path: /srv/version\n    content: v${++version}\n`);
    for (const { directory } of [one, other]) await writeFile(join(directory, 'user-data'), text);
    await rm(join(other.dataDir, 'heard'), { force: true });
  });
  afterAll(async () => {
    await hosts.dispose();
    await Promise.all([one.directory, other.directory, one.dataDir].map((path) => rm(path, { recursive: true })));
  });

  it('in one project: the second is told who is there, and reads all the same', async () => {
    const first = await whileAt(LOCKED, one, ['up'], ['status'], ['plan']);
    expect(await heard()).toMatch(
      /Error: this project is locked by `coreup up` \(.*process \d+, since .*\)\n→ Wait.*\nexit code 1\n(.*\n)+exit code 0\n(.*\n)+exit code 0\n$/,
    );
    expect(first).toMatchObject({ code: 0 });
    expect(await content()).toBe(`v${version}`);
  });

  it('in two copies of it: the second is told who has the host, and changes nothing; it may look', async () => {
    const first = await whileAt(LOCKED, other, ['up'], ['plan']);
    const text = await heard();
    expect(text).toContain('Error: no host was changed, since these are locked: core-01\n');
    expect(text).toMatch(
      /\ncore-01: is locked by `coreup up` \(.*process \d+, since .*\)\n→ Wait.*\n(.*\n)*?exit code 1\n/,
    );
    expect(text).toMatch(/\nexit code 0\n$/);
    expect(first).toMatchObject({ code: 0 });
    expect(await content()).toBe(`v${version}`);
    expect(await other.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('where the second is done before the first has the lock, the first looks again', async () => {
    const first = await whileAt(LOOKED, other, ['up']);
    expect(await heard()).toMatch(/\nexit code 0\n$/);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('core-01: changed since it was looked at, so all are looked at again\n');
    expect(first.stdout).toMatch(/^Nothing to do/);
  });

  it('where the second does something else meanwhile, the first asks to be run again', async () => {
    await writeFile(join(other.directory, 'user-data'), withEtcd('#cloud-config\n').replace('5000', '7000'));
    const { code, stderr } = await whileAt(LOOKED, other, ['up']);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(
      /Error: no host was changed, since somebody else changed core-01 meanwhile: now there is also .*\n→ Run it again/,
    );
  });

  it('where the lock has passed to the second, the first changes nothing more', async () => {
    const { code, stderr } = await whileAt(LOCKED, other, ['ssh', 'core-01', '--', `sudo sh -c '${CUT}'`], ['up']);
    expect(await heard()).toMatch(/\nexit code 0\n$/);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(
      /\ncore-01: the lock of this host has passed to `coreup up` \(.*process \d+, since .*\)\n→ /,
    );
    expect(await one.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});
