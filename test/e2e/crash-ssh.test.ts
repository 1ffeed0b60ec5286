import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../src/util/shell.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { everythingOf } from './lab/made.js';
import { TestProject } from './lab/project.js';
import { rounds, Trial } from './lab/survive.js';

const PASSWORD = 'sUdo-password-77c2';
/** `openssl passwd -6 -salt salt`, which says the same every time. */
const HASH = '$6$salt$WHpDUntLc4ueN1IFf64A71whfKx8P8naRxZJFIC2xRNfCwacfoO.McykRnHB/kClgxvFysJJ9O7/LfBS7rH6Z1';
const OVERRIDE = 'etc/systemd/system/etcd2.service.d/99-mine.conf';
const WAL = 'wal/0000000000000000-0000000000000000.wal';
/** What others had there before; nobody writes the same data twice. */
const THEIRS = /^var\/lib\/(etcd\/default|etcd2\/member\.before-coreup)\//;
/** What etcd makes ready for its next log file, and takes away when it is stopped; not when its host loses the power. */
const READY = /\/wal\/\d+\.tmp$/;

/**
 * Machines that others have used: the first runs Debian's etcd, the second has a drop-in, the third is the cluster of another
 * project. The user who logs in has to give a password to sudo.
 */
describe('up --adopt over SSH, as a user whose sudo wants a password,', () => {
  let hosts: BareHosts | undefined;
  let project: TestProject;
  let trial: Trial;
  /** A copy of `.coreup/pki`: keys are never the same twice. */
  let authority: string | undefined;

  const machines = {
    names: ['core-01', 'core-02', 'core-03'],
    paths: (name: string) => booted().paths(name),
  };
  function booted(): BareHosts {
    if (!hosts) throw new Error('no hosts are booted');
    return hosts;
  }
  const state = (...below: readonly string[]) => join(project.directory, '.coreup', ...below);
  const provider = (of: readonly object[]) => `provider: { kind: 'ssh', hosts: ${JSON.stringify(of)} }`;
  const onDisk = (host: string, path: string) => readFileSync(join(booted().paths(host).upper, path), 'latin1');

  /** The hosts as they were before coreup came, and a project that knows nothing of them. */
  async function usedByOthers(): Promise<void> {
    await hosts?.dispose();
    hosts = await bootBareHosts(3);
    await rm(state(), { recursive: true, force: true });
    if (authority !== undefined) await cp(authority, state('pki'), { recursive: true });
    const all = hosts.hosts;
    await project.configure(`{ cluster_name: 'e2e-crash-ssh', ${provider(all)}, etcd: { tls: true } }`);
    const theirs = await TestProject.create(`{ cluster_name: 'theirs', ${provider(all.slice(2))} }`);
    const on = async (name: string, script: string) => {
      const { code, stderr } = await project.coreup(['ssh', name, '--', `sudo sh -c ${quote(script)}`]);
      expect({ name, code, stderr }).toMatchObject({ code: 0 });
    };
    const password = `echo ${quote(`core:${HASH}`)} | chpasswd -e && echo 'core ALL=(ALL) ALL' >/etc/sudoers.d/core`;
    const put = async () => {
      expect(await theirs.coreup(['up'])).toMatchObject({ code: 0 });
      expect(await theirs.coreup(['etcdctl', '--', 'put', 'precious', 'theirs'])).toMatchObject({ code: 0 });
    };
    await Promise.all([
      on('core-01', `systemctl start etcd && ETCDCTL_API=3 etcdctl put precious mine && ${password}`),
      on(
        'core-02',
        `mkdir -p /${OVERRIDE.replace(/[^/]+$/, '')} && printf '[Service]\\nEnvironment=ETCD_NAME=mine\\n' >/${OVERRIDE} && ${password}`,
      ),
      put().then(() => on('core-03', password)),
    ]);
  }

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create('{}');
    const file = join(project.dataDir, 'password');
    await writeFile(file, `${PASSWORD}\n`, { mode: 0o600 });
    process.env['COREUP_SUDO_PASSWORD_FILE'] = file;
    trial = await Trial.of({
      project,
      machines,
      command: ['up', '--adopt'],
      victim: 'core-03',
      member: 'core-03',
      prepare: usedByOthers,
      mend: () => booted().powerOn(),
      made: async () => ({
        all: await everythingOf(project, machines, ['etcd', 'etcd2'], { contents: THEIRS, presence: READY }),
        precious: [
          onDisk('core-01', `var/lib/etcd/default/member/${WAL}`).includes('precious'),
          onDisk('core-02', `${OVERRIDE}.before-coreup`).includes('ETCD_NAME=mine'),
          onDisk('core-03', `var/lib/etcd2/member.before-coreup/${WAL}`).includes('precious'),
        ],
      }),
    });
    authority = join(project.dataDir, 'pki');
    await cp(state('pki'), authority, { recursive: true });
  });
  afterAll(async () => {
    await hosts?.dispose();
    await rm(project.dataDir, { recursive: true, force: true });
    await rm(project.directory, { recursive: true, force: true });
  });

  it('takes the hosts over and keeps what is precious to others', async () => {
    expect(await trial.change.made()).toMatchObject({ precious: [true, true, true] });
  });

  it.each(rounds(7, 4))('is made good by the next one after %s', (_, run) => run(trial.connected));
});
