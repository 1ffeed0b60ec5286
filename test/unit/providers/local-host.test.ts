import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findCgroupRoot } from '../../../src/providers/local/cgroup.js';
import { generateHostKey } from '../../../src/providers/local/host-key.js';
import { imageScript, recipeHash } from '../../../src/providers/local/image-script.js';
import { layerFiles } from '../../../src/providers/local/layer.js';
import { shortName } from '../../../src/providers/local/network.js';
import { inotifyProblems, mayDoEverything } from '../../../src/providers/local/preflight.js';
import { recipeFor } from '../../../src/providers/local/recipe.js';

describe('findCgroupRoot', () => {
  it('finds the tree of a pure machine', () => {
    const text = '35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
    expect(findCgroupRoot(text)).toBe('/sys/fs/cgroup');
  });

  it('finds the tree beside the old ones, with and without optional fields', () => {
    const text = `31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:38 / /mnt/other rw,relatime - cgroup2 cgroup2 rw
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 master:2 - cgroup2 cgroup2 rw
`;
    expect(findCgroupRoot(text)).toBe('/sys/fs/cgroup/unified');
  });

  it('takes no part of a tree for the tree', () => {
    expect(findCgroupRoot('35 24 0:30 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n')).toBeUndefined();
    expect(findCgroupRoot('')).toBeUndefined();
  });
});

describe('inotifyProblems', () => {
  it.each([
    [0, 1],
    [9, 128],
    [18, 128],
    [500, 4096],
  ])('finds nothing wrong with %i hosts within %i instances', (hosts, limit) => {
    expect(inotifyProblems(hosts, limit)).toEqual([]);
  });

  it.each([
    [19, 128, '19 hosts need 134 inotify instances, and this kernel gives root 128', 1024],
    [500, 1024, '500 hosts need 3020 inotify instances, and this kernel gives root 1024', 4096],
  ])('refuses %i hosts within %i instances, and says what raises the limit', (hosts, limit, message, enough) => {
    expect(inotifyProblems(hosts, limit)).toEqual([
      { message, remedy: `sysctl -w fs.inotify.max_user_instances=${enough}`, blame: 'machine' },
    ]);
  });
});

describe('the recipe', () => {
  const recipe = recipeFor({ suite: 'bookworm' }, 'x64');

  it('has a hash that only its content decides', () => {
    expect(recipeHash(recipeFor({ suite: 'bookworm' }, 'x64'))).toBe(recipeHash(recipe));
    expect(recipeHash(recipe)).toMatch(/^[0-9a-f]{12}$/);
    const others = [
      recipeFor({ suite: 'trixie' }, 'x64'),
      recipeFor({ suite: 'bookworm' }, 'arm64'),
      { ...recipe, packages: [...recipe.packages, 'less'] },
      { ...recipe, finish: `${recipe.finish}\n:` },
      { ...recipe, mask: [] },
    ];
    expect(new Set([recipe, ...others].map(recipeHash)).size).toBe(others.length + 1);
  });

  it('is another one with more packages, whatever their order, and the same with those it has', () => {
    const hash = (...packages: string[]): string => recipeHash(recipeFor({ suite: 'bookworm', packages }, 'x64'));
    expect(hash('less', 'python3')).toBe(hash('python3', 'less', 'python3'));
    expect(hash('less')).not.toBe(hash());
    expect(hash('curl')).toBe(hash());
  });

  it('becomes a script that sh can read', () => {
    const paths = { image: "/tmp/it's here", building: '/tmp/.building-x' };
    const script = imageScript(recipe, { uri: 'http://mirror.invalid/debian', trusted: false }, paths);
    expect(() => execFileSync('sh', ['-n'], { input: script })).not.toThrow();
    expect(script).toContain('--force-check-gpg');
    expect(script).toContain(`'/tmp/it'\\''s here'`);
  });
});

describe('the upper layer', () => {
  it('says who the host is', () => {
    const seed = {
      name: 'core-01',
      address: '10.1.2.130',
      subnet: '10.1.2.128/25',
      image: '/image',
      authorizedKey: 'ssh-ed25519 AAAA',
    };
    const files = layerFiles(seed, { machineId: 'ab'.repeat(16), privateKey: 'secret', publicKey: 'ssh-ed25519 BBBB' });
    expect(files['etc/hostname']?.content).toBe('core-01\n');
    expect(files['etc/hosts']?.content).toContain('10.1.2.130 core-01\n');
    expect(files['etc/systemd/network/10-coreup.network']?.content).toContain('Address=10.1.2.130/25\n');
    expect(files['etc/ssh/ssh_host_ed25519_key']?.mode).toBe(0o600);
  });
});

describe('generateHostKey', () => {
  it('makes a key that OpenSSH reads, and names its public half', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coreup-key-'));
    try {
      const key = await generateHostKey('root@core-01');
      writeFileSync(join(directory, 'key'), key.privateKey, { mode: 0o600 });
      const told = execFileSync('ssh-keygen', ['-y', '-P', '', '-f', join(directory, 'key')], { encoding: 'utf8' });
      expect(told.trim()).toBe(`${key.publicKey} root@core-01`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('shortName', () => {
  it('fits an interface name, with the prefix that nspawn adds', () => {
    const name = shortName('cu-', '/var/lib/coreup/clusters/a-rather-long-name/hosts/core-01');
    expect(`vb-${name}`.length).toBeLessThanOrEqual(15);
    expect(shortName('cu-', '/a')).not.toBe(shortName('cu-', '/b'));
  });
});

describe('mayDoEverything', () => {
  const status = (capabilities: string) => `Name:\tnode\nCapEff:\t${capabilities}\nSeccomp:\t0\n`;
  const all = '         0          0 4294967295\n';

  it('knows root from root in a container', () => {
    expect(mayDoEverything(status('000001ffffffffff'), all)).toBe(true);
    // What Docker leaves to root by default.
    expect(mayDoEverything(status('00000000a80425fb'), all)).toBe(false);
    expect(mayDoEverything(status('000001ffffffffff'), '         0     100000      65536\n')).toBe(false);
    expect(mayDoEverything('', all)).toBe(false);
  });
});
