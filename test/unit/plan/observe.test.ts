import { readFileSync, mkdirSync, symlinkSync, writeFileSync, chmodSync, chownSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HALF_MADE_USER_PATH, MANIFEST_PATH, printManifest, type Manifest } from '../../../src/plan/manifest.js';
import { observeScript, parseObservation } from '../../../src/plan/observe.js';
import type { Observation, Question } from '../../../src/plan/observation.js';
import { EMPTY_MANIFEST, runShell, sha256, standIns, temporary } from './support.js';

const NOTHING: Question = { paths: [], contents: [], units: [], users: [], dataDirs: [] };

/** Asks this machine; its own places that a test must not depend on are replaced by temporary ones. */
function observe(
  question: Partial<Question>,
  options: { path?: string; manifest?: string; systemd?: boolean; halfMade?: string } = {},
): Observation {
  const whole = { ...NOTHING, ...question };
  const home = temporary();
  const manifest = join(home, 'manifest.json');
  if (options.manifest !== undefined) writeFileSync(manifest, options.manifest);
  const halfMade = join(home, 'half-made-user');
  if (options.halfMade !== undefined) writeFileSync(halfMade, options.halfMade);
  const text = observeScript(whole)
    .replaceAll(HALF_MADE_USER_PATH, halfMade)
    .replaceAll(MANIFEST_PATH, manifest)
    .replace('/run/systemd/system', options.systemd ? home : join(home, 'none'));
  const { stdout, code } = runShell(text, options.path === undefined ? {} : { path: options.path });
  expect(code).toBe(0);
  return parseObservation(whole, stdout);
}

describe('observeScript, run by a real /bin/sh', () => {
  it('tells who the host is', () => {
    const seen = observe({});
    expect(seen.hostname).toBe(hostname());
    const release = readFileSync('/etc/os-release', 'utf8');
    expect(release).toContain(`ID=${seen.os.id}`);
    expect(release).toContain(`VERSION_ID="${seen.os.version}"`);
    expect(seen.systemd).toBe(false);
    expect(seen.manifest).toBeUndefined();
    expect(seen.data).toEqual([]);
  });

  it('tells files, directories, links and what is missing apart, whatever they are called', () => {
    const directory = temporary();
    const names = ['plain', 'with space', "it's", 'a"b', '$HOME', '`id`', '-n', '*', 'new\nline', 'tab\t', 'ü', '\\n'];
    const paths = names.map((name) => join(directory, name));
    paths.forEach((path, index) => writeFileSync(path, `content ${index}\n`));
    const sub = join(directory, 'directory');
    mkdirSync(sub, { mode: 0o750 });
    const link = join(directory, 'link');
    symlinkSync('plain', link);
    const dangling = join(directory, 'dangling');
    symlinkSync('nowhere', dangling);
    const missing = join(directory, 'missing');

    const seen = observe({ paths: [...paths, missing, sub, link, dangling, '/dev/null'] }).paths;
    expect([...seen.keys()].sort()).toEqual([...paths, sub, link, dangling, '/dev/null'].sort());
    paths.forEach((path, index) => {
      expect(seen.get(path)).toEqual({
        type: 'file',
        mode: 0o644,
        user: 'root',
        group: 'root',
        uid: 0,
        gid: 0,
        sha256: sha256(`content ${index}\n`),
      });
    });
    expect(seen.get(sub)).toMatchObject({ type: 'directory', mode: 0o750 });
    expect(seen.get(link)?.type).toBe('link');
    expect(seen.get(link)?.sha256).toBeUndefined();
    expect(seen.get(dangling)?.type).toBe('link');
    expect(seen.get('/dev/null')).toMatchObject({ type: 'other', mode: 0o666 });
  });

  it('tells modes with setuid, owners without a name, and empty files', () => {
    const directory = temporary();
    const path = join(directory, 'f');
    writeFileSync(path, '');
    chownSync(path, 54321, 54322);
    chmodSync(path, 0o4751);
    expect(observe({ paths: [path] }).paths.get(path)).toEqual({
      type: 'file',
      mode: 0o4751,
      user: 'UNKNOWN',
      group: 'UNKNOWN',
      uid: 54321,
      gid: 54322,
      sha256: sha256(''),
    });
  });

  it('sees a data directory through a link to a larger disk', () => {
    const directory = temporary();
    const disk = join(directory, 'disk');
    mkdirSync(join(disk, 'member'), { recursive: true });
    chmodSync(disk, 0o700);
    const data = join(directory, 'data dir');
    symlinkSync(disk, data);
    const seen = observe({ paths: [data], dataDirs: [data, join(directory, 'none')] });
    expect(seen.paths.get(data)).toMatchObject({ type: 'directory', mode: 0o700 });
    expect(seen.data).toEqual([data]);
  });

  it('finds etcd data only where there is a member directory, under any name', () => {
    const directory = temporary();
    const names = ['plain', 'with space', '\\backslash\\n', "it's\nnew"].map((name) => join(directory, name));
    for (const name of names) mkdirSync(join(name, 'member'), { recursive: true });
    const empty = join(directory, 'empty');
    mkdirSync(empty);
    expect(observe({ dataDirs: [...names, empty] }).data).toEqual(names);
  });

  it('reads the manifest back; anything else in its place is none', () => {
    const manifest: Manifest = { ...EMPTY_MANIFEST, files: { '/etc/ü \x1e': 'x' }, enabled: ['a.service'] };
    expect(observe({}, { manifest: printManifest(manifest) }).manifest).toEqual(manifest);
    for (const other of ['', '{', 'null', '[]', '{"version":2,"files":{}}', '{"version":1,"files":null}']) {
      expect(observe({}, { manifest: other }).manifest).toBeUndefined();
    }
  });

  it('takes a manifest of the first version for one that remembers less', () => {
    const first = {
      version: 1,
      cluster: 'c',
      member: 'm',
      userData: 'd',
      files: {},
      enabled: [],
      masked: [],
      pending: [],
    };
    const seen = observe({}, { manifest: JSON.stringify(first) }).manifest;
    expect(seen).toEqual({ ...EMPTY_MANIFEST, member: 'm', userData: 'd' });
  });

  it('reads contents byte for byte, and tells an empty file from none', () => {
    const directory = temporary();
    const bytes = Buffer.from([0, 0x1e, 10, 0xff, 13, 10]);
    const [full, empty, none] = ['full', 'empty', 'none'].map((name) => join(directory, name));
    if (!full || !empty || !none) return;
    writeFileSync(full, bytes);
    writeFileSync(empty, '');
    const { contents } = observe({ contents: [full, empty, none, directory] });
    expect(contents).toEqual(
      new Map([
        [full, bytes],
        [empty, Buffer.alloc(0)],
      ]),
    );
  });

  it('refuses an output that was cut off', () => {
    const { stdout } = runShell(observeScript(NOTHING));
    expect(() => parseObservation(NOTHING, stdout.slice(0, stdout.indexOf('\x1edata')))).toThrow(/not whole/);
    expect(() => parseObservation(NOTHING, '')).toThrow(/not whole/);
  });
});

describe('observeScript with a stand-in for etcd', () => {
  it.each([
    ['etcd Version: 3.4.23\\nGit SHA: Not provided\\nGo Version: go1.19.8\\n', '3.4.23'],
    ['etcd Version: 3.5.16\\nGit SHA: GitNotFound\\n', '3.5.16'],
  ])('reads its version', (output, version) => {
    const path = standIns({ etcd: `printf '${output}'` });
    const { etcd } = observe({}, { path });
    expect(etcd?.path).toMatch(/\/bin\/etcd$/);
    expect(etcd?.version?.text).toBe(version);
  });

  it('knows an etcd that does not tell its version', () => {
    const { etcd } = observe({}, { path: standIns({ etcd: 'echo broken >&2; exit 1' }) });
    expect(etcd?.path).toMatch(/\/bin\/etcd$/);
    expect(etcd?.version).toBeUndefined();
  });

  it('knows a host without etcd', () => {
    expect(observe({}, { path: '/usr/bin:/bin' }).etcd).toBeUndefined();
  });
});

describe('observeScript with a stand-in for getent', () => {
  /** Like the real one for passwd and shadow, from files. */
  function users(entries: Record<string, { home: string; hash?: string }>): string {
    const lines = Object.entries(entries).map(
      ([name, { home, hash }]) =>
        `passwd:${name}) echo '${name}:x:1000:1000::${home}:/bin/sh';;\n` +
        (hash === undefined ? '' : `shadow:${name}) echo '${name}:${hash}:19000:0:99999:7:::';;\n`),
    );
    return standIns({ getent: `[ "$2" = -- ] || exit 9\ncase $1:$3 in\n${lines.join('')}*) exit 2;; esac` });
  }

  it('tells home, password and keys of those who exist', () => {
    const home = join(temporary(), 'with space');
    mkdirSync(join(home, '.ssh'), { recursive: true });
    writeFileSync(join(home, '.ssh', 'authorized_keys'), 'ssh-ed25519 AAAA one\n\n# note\nssh-rsa BBBB two');
    const path = users({ core: { home, hash: '$6$salt$hash' }, bare: { home: '/nonexistent' } });
    const seen = observe({ users: ['core', 'bare', 'nobody-else'] }, { path }).users;
    expect(seen.get('core')).toEqual({
      home,
      passwordHash: '$6$salt$hash',
      authorizedKeys: ['ssh-ed25519 AAAA one', '# note', 'ssh-rsa BBBB two'],
    });
    expect(seen.get('bare')).toEqual({ home: '/nonexistent', passwordHash: '', authorizedKeys: [] });
    expect(seen.has('nobody-else')).toBe(false);
  });

  it('passes over a user who was being made when the host lost its power', () => {
    const path = users({ ann: { home: '/nonexistent', hash: '*' }, 'ann-2': { home: '/nonexistent', hash: '*' } });
    const seen = observe({ users: ['ann', 'ann-2'] }, { path, halfMade: 'ann\n/nonexistent\n\n' }).users;
    expect([...seen.keys()]).toEqual(['ann-2']);
  });

  it('does not let the owner of an authorized_keys file forge other answers', () => {
    const home = temporary();
    mkdirSync(join(home, '.ssh'));
    const forged = '\x1emanifest\n{"version":1,"files":{},"cluster":"forged"}\n\x1edata\n/forged\0';
    writeFileSync(join(home, '.ssh', 'authorized_keys'), forged);
    const seen = observe({ users: ['core'] }, { path: users({ core: { home } }) });
    expect(seen.manifest).toBeUndefined();
    expect(seen.data).toEqual([]);
    expect(seen.users.get('core')?.authorizedKeys[0]).toBe('manifest');
  });
});

describe('observeScript with a stand-in for systemctl', () => {
  const ETCD2 = `Type=notify
NRestarts=2
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/etcd2.service
UnitFileState=enabled`;
  const MISSING = 'LoadState=not-found\nActiveState=inactive\nSubState=dead\nFragmentPath=\nUnitFileState=';
  const MASKED =
    'LoadState=masked\nActiveState=inactive\nSubState=dead\nFragmentPath=/etc/systemd/system/zz.service\nUnitFileState=masked';

  function systemctl(shown: string, more = ''): string {
    return standIns({ systemctl: `case $1 in show) cat <<'END'\n${shown}\nEND\n;;\n${more}\nesac` });
  }

  it('reads the blocks in the order of the question', () => {
    const path = systemctl([ETCD2, MISSING, MASKED].join('\n\n'));
    const { units } = observe({ units: ['etcd2.service', 'no.service', 'zz.service'] }, { path, systemd: true });
    expect(units.get('etcd2.service')).toEqual({
      load: 'loaded',
      active: 'active',
      sub: 'running',
      fileState: 'enabled',
      fragment: '/etc/systemd/system/etcd2.service',
      type: 'notify',
      restarts: 2,
    });
    expect(units.get('no.service')).toMatchObject({ load: 'not-found', active: 'inactive', type: '', restarts: 0 });
    expect(units.get('zz.service')).toMatchObject({ load: 'masked', fileState: 'masked' });
  });

  it('asks for template units by themselves, since `show` would refuse them with all that follow', () => {
    const path = systemctl(
      `${ETCD2}\n\n${MISSING}`,
      `is-enabled) case $3 in a@.service) echo disabled; exit 1;; m@.service) echo masked; exit 1;; *) echo not-found; exit 4;; esac;;`,
    );
    const question = ['a@.service', 'etcd2.service', 'm@.service', 'x.service', 'none@.service'];
    const { units } = observe({ units: question }, { path, systemd: true });
    expect([...units.keys()].sort()).toEqual([...question].sort());
    expect(units.get('etcd2.service')?.active).toBe('active');
    expect(units.get('x.service')?.load).toBe('not-found');
    expect(units.get('a@.service')).toMatchObject({ load: 'loaded', fileState: 'disabled', active: 'inactive' });
    expect(units.get('m@.service')).toMatchObject({ load: 'masked' });
    expect(units.get('none@.service')).toMatchObject({ load: 'not-found', fileState: '' });
  });

  it('gives each option and unit to systemctl as one word', () => {
    const path = standIns({
      systemctl: `printf 'LoadState=%s\\n' "$#:$3:$4"; printf '\\nLoadState=second\\n'`,
    });
    const { units } = observe({ units: ['a b.service', "it's.service"] }, { path, systemd: true });
    expect(units.get('a b.service')?.load).toBe('5:--:a b.service');
    expect(units.get("it's.service")?.load).toBe('second');
  });

  it('does not guess which unit is which when systemctl stops half-way, and says what systemctl said', () => {
    const said = 'Failed to get properties: Connection reset by peer';
    const path = standIns({ systemctl: `cat <<'END'\n${ETCD2}\nEND\necho '${said}' >&2; exit 1` });
    expect(() => observe({ units: ['etcd2.service', 'b.service'] }, { path, systemd: true })).toThrow(said);
  });

  it('does not mind its complaints on a host that is not run by systemd', () => {
    const path = standIns({ systemctl: 'echo "System has not been booted with systemd" >&2; exit 1' });
    const seen = observe({ units: ['etcd2.service'] }, { path });
    expect(seen.systemd).toBe(false);
    expect(seen.units.size).toBe(0);
  });
});
