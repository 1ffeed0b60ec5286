import { describe, expect, it } from '@jest/globals';
import type { HostState } from '../../../src/cluster/host-state.js';
import { bootCopyPath } from '../../../src/plan/manifest.js';
import { NETWORKD, persist, TMPFILES_PATH } from '../../../src/plan/persist.js';
import { command, EMPTY_STATE, file, unit } from './support.js';

const state = (more: Partial<HostState>): HostState => ({ ...EMPTY_STATE, ...more });
const text = (of: HostState, path: string): string => {
  const found = of.files.find((entry) => entry.path === path);
  return found ? Buffer.from(found.content).toString() : '';
};

describe('persist', () => {
  it('puts under /etc what coreos-cloudinit puts under /run, and nothing else', () => {
    const before = [
      '/run/systemd/system/etcd2.service.d/20-cloudinit.conf',
      '/run/systemd/network/10-static.network',
      '/run/flannel/options.env',
      '/etc/systemd/system/a.service',
      '/run/systemd/systemX/a',
    ];
    expect(persist(state({ files: before.map((path) => file(path)) })).files.map(({ path }) => path)).toEqual([
      '/etc/systemd/system/etcd2.service.d/20-cloudinit.conf',
      '/etc/systemd/network/10-static.network',
      '/run/flannel/options.env',
      '/etc/systemd/system/a.service',
      '/run/systemd/systemX/a',
      ...['/run/flannel/options.env', '/run/systemd/systemX/a'].map(bootCopyPath),
      TMPFILES_PATH,
    ]);
  });

  it('has systemd-tmpfiles put back what a boot empties, with owner and mode as they are', () => {
    const lost = file('/run/a "b"/100%', 'x', { mode: 0o600, owner: 'etcd' });
    const { files } = persist(state({ files: [file(lost.path, 'old'), lost, file('/etc/f')] }));
    const copies = files.filter(({ path }) => path.startsWith('/var/lib/coreup/'));
    expect(copies).toEqual([{ ...lost, path: bootCopyPath(lost.path) }]);
    expect(text({ ...EMPTY_STATE, files }, TMPFILES_PATH)).toBe(
      `C "/run/a \\"b\\"/100%%" - - - - ${bootCopyPath(lost.path)}\n`,
    );
  });

  it('leaves out the restart of networkd that network units imply, and no other', () => {
    const network = { ...unit('10-a.network'), origin: { key: 'coreos.units[0]', line: 3 } };
    const implied = { ...command('restart', NETWORKD), origin: network.origin };
    const asked = command('restart', NETWORKD);
    const before = state({ units: [network], commands: [implied, asked] });
    expect(persist(before).commands).toEqual([asked]);
  });

  it.each([[[0, 1]], [[1, 0]]])(
    'lets the file under /etc win over one of the same name under /run (order %j)',
    (order) => {
      const both = [file('/run/systemd/system/a.service', 'run'), file('/etc/systemd/system/a.service', 'etc')];
      const { files } = persist(state({ files: order.flatMap((index) => both[index] ?? []) }));
      expect(files.map((entry) => [entry.path, Buffer.from(entry.content).toString()])).toEqual([
        ['/etc/systemd/system/a.service', 'etc'],
      ]);
    },
  );
});
