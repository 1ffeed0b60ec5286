import { describe, expect, it } from '@jest/globals';
import type { HostState } from '../../../src/cluster/host-state.js';
import { diff } from '../../../src/plan/diff.js';
import { bootCopyPath, type Manifest } from '../../../src/plan/manifest.js';
import { keptNotices } from '../../../src/plan/notices.js';
import type { Observation } from '../../../src/plan/observation.js';
import { obstacles } from '../../../src/plan/obstacles.js';
import { NETWORKD } from '../../../src/plan/persist.js';
import { followUp, questionFor } from '../../../src/plan/question.js';
import { allSteps, type HostPlan } from '../../../src/plan/step.js';
import {
  command,
  EMPTY_HOST,
  EMPTY_MANIFEST,
  EMPTY_STATE,
  file,
  ORIGIN,
  seenFile,
  seenPath,
  seenUnit,
  sha256,
  unit,
  user,
} from './support.js';

const ENVIRONMENT = '/etc/environment';
const UPDATE_CONF = '/etc/coreos/update.conf';
const edit = (path: string, set: Record<string, string>): Partial<HostState> => ({
  edits: [{ path, format: path === ENVIRONMENT ? 'environment' : 'update-conf', set, origin: ORIGIN }],
});

function compare(desired: Partial<HostState>, observed: Partial<Observation> = {}): HostPlan {
  const identity = { cluster: 'c', member: 'core-01', userData: 'digest' };
  return diff({ ...EMPTY_STATE, ...desired }, { ...EMPTY_HOST, ...observed }, identity);
}

const told = (plan: HostPlan): string[] =>
  allSteps(plan).flatMap(({ kind, target, reason }) => (kind === 'record' ? [] : [`${kind} ${target}: ${reason}`]));
const last = (plan: HostPlan): Manifest | undefined =>
  allSteps(plan)
    .flatMap(({ action }) => (action.kind === 'record' ? [action.manifest] : []))
    .at(-1);
const there = (path: string, content: string, more = {}): Partial<Observation> => ({
  paths: new Map([[path, seenPath({ sha256: sha256(content), ...more })]]),
  contents: new Map([[path, Buffer.from(content)]]),
});

describe('edits', () => {
  it('are made on what is there, with its mode and owner, and remembered', () => {
    const plan = compare(
      edit(ENVIRONMENT, { A: '2' }),
      there(ENVIRONMENT, 'X=1\nA=1', { mode: 0o600, uid: 7, gid: 8 }),
    );
    expect(told(plan)).toEqual(['file-edit /etc/environment: A is not set so']);
    const [action] = allSteps(plan).flatMap((step) => (step.action.kind === 'file-edit' ? [step.action] : []));
    expect(action).toMatchObject({ present: sha256('X=1\nA=1'), file: { mode: 0o600, owner: '7:8' } });
    expect(Buffer.from(action?.file.content ?? []).toString()).toBe('X=1\nA=2\n');
    expect(last(plan)?.edits).toEqual({ [ENVIRONMENT]: { made: false, lines: { A: { line: 'A=2', was: 'A=1' } } } });
  });

  it('are no step where the lines are there', () => {
    const manifest = { ...EMPTY_MANIFEST, edits: { [ENVIRONMENT]: { made: false, lines: {} } } };
    expect(compare(edit(ENVIRONMENT, { A: '1' }), { ...there(ENVIRONMENT, 'A=1'), manifest })).toEqual({
      apply: [],
      finish: [],
    });
  });

  it('start from what the distribution brings, and leave nothing when they are taken back', () => {
    const template: [string, Buffer] = ['/usr/share/coreos/update.conf', Buffer.from('GROUP=stable\n')];
    const plan = compare(edit(UPDATE_CONF, { GROUP: 'beta' }), { contents: new Map([template]) });
    const [action] = allSteps(plan).flatMap((step) => (step.action.kind === 'file-edit' ? [step.action] : []));
    const content = Buffer.from(action?.file.content ?? []);
    expect([action?.present, content.toString()]).toEqual([null, 'GROUP=beta\n']);
    const manifest = last(plan);
    if (!manifest) return;
    expect(manifest.directories).toContain('/etc/coreos');
    const after = compare({}, { paths: there(UPDATE_CONF, 'GROUP=beta\n').paths ?? new Map(), manifest, contents: new Map([template, [UPDATE_CONF, content]]) }); // prettier-ignore
    expect(told(after)[0]).toBe('file-remove /etc/coreos/update.conf: has lines that are no longer in the user-data');
    expect(last(after)).toMatchObject({ edits: {}, directories: [] });
  });

  it('of a file that the user-data now writes as a whole are forgotten', () => {
    const manifest = {
      ...EMPTY_MANIFEST,
      edits: { [ENVIRONMENT]: { made: false, lines: { A: { line: 'A=1', was: null } } } },
    };
    const plan = compare({ files: [file(ENVIRONMENT, 'B=1\n')] }, { ...there(ENVIRONMENT, 'A=1\n'), manifest });
    expect(told(plan)).toEqual(['file-write /etc/environment: has other content']);
    expect(last(plan)).toMatchObject({ edits: {}, originals: [ENVIRONMENT] });
  });
});

describe('what was there before', () => {
  it('is kept where coreup writes over it, and comes back', () => {
    const plan = compare({ files: [file('/etc/motd', 'ours')] }, there('/etc/motd', 'theirs'));
    expect(allSteps(plan)[1]?.action).toMatchObject({ kind: 'file-write', keep: true });
    const manifest = last(plan);
    expect(manifest?.originals).toEqual(['/etc/motd']);
    const after = compare({}, { ...there('/etc/motd', 'ours'), manifest });
    expect(allSteps(after)[1]?.action).toMatchObject({ kind: 'file-remove', restore: true });
  });

  it('is not coreup’s where it is as wanted', () => {
    const wanted = file('/etc/motd', 'x\n');
    expect(last(compare({ files: [wanted] }, there('/etc/motd', 'x\n')))?.files).toEqual({});
  });

  it('is not kept twice, nor what coreup itself wrote', () => {
    const manifest = { ...EMPTY_MANIFEST, files: { '/etc/motd': sha256('ours') } };
    for (const content of ['ours', 'edited since']) {
      const plan = compare({ files: [file('/etc/motd', 'new')] }, { ...there('/etc/motd', content), manifest });
      expect(allSteps(plan)[1]?.action).not.toHaveProperty('keep');
    }
  });
});

describe('directories', () => {
  it('are remembered where they are made, and taken away with the last file', () => {
    const paths = new Map([['/srv', seenPath({ type: 'directory' })]]);
    const manifest = last(compare({ files: [file('/srv/a/b/f')] }, { paths }));
    expect(manifest?.directories).toEqual(['/srv/a', '/srv/a/b']);
    const full = new Map([...paths, ...['/srv/a', '/srv/a/b'].map((path) => [path, seenPath({ type: 'directory' })] as const)]); // prettier-ignore
    const reason = 'was made for files that are no longer in the user-data';
    expect(told(compare({ files: [file('/srv/a/f')] }, { paths: full, manifest })).slice(1)).toEqual([
      `directory-remove /srv/a/b: ${reason}`,
    ]);
    expect(told(compare({}, { paths: full, manifest }))).toEqual([
      `directory-remove /srv/a/b: ${reason}`,
      `directory-remove /srv/a: ${reason}`,
    ]);
  });
});

describe('units whose file goes', () => {
  const path = '/etc/systemd/system/a.service';
  const wanted = file(path);
  const manifest = { ...EMPTY_MANIFEST, files: { [path]: sha256(wanted.content) }, enabled: ['a.service'] };
  const paths = new Map([[path, seenFile(wanted)]]);
  const running = new Map([['a.service', seenUnit({ active: 'active', fileState: 'enabled' })]]);

  it('are stopped and disabled before', () => {
    expect(told(compare({}, { paths, manifest, units: running })).map((line) => line.split(':')[0])).toEqual([
      'unit-retire a.service',
      'unit-disable a.service',
      `file-remove ${path}`,
      'daemon-reload systemd',
    ]);
  });

  it('go on where the distribution has one too, or somebody has changed the file', () => {
    const vendored = new Map([...paths, ['/usr/lib/systemd/system/a.service', seenPath()]]);
    const edited = new Map([[path, seenPath({ sha256: 'other' })]]);
    for (const seen of [vendored, edited]) {
      expect(told(compare({}, { paths: seen, manifest, units: running })).join()).not.toContain('unit-retire');
    }
  });

  it('are all instances, for a template', () => {
    const template = file('/etc/systemd/system/b@.service');
    const host = {
      manifest: { ...EMPTY_MANIFEST, files: { [template.path]: sha256(template.content) } },
      paths: new Map([[template.path, seenFile(template)]]),
    };
    expect(allSteps(compare({}, host))[1]?.action).toEqual({ kind: 'unit-retire', unit: 'b@*.service' });
  });
});

describe('networkd', () => {
  const network = file('/etc/systemd/network/10-a.network');
  it('is restarted when its files change, where it runs', () => {
    const units = new Map([[NETWORKD, seenUnit({ active: 'active' })]]);
    expect(told(compare({ files: [network] }, { units })).at(-1)).toBe(
      `unit-command ${NETWORKD}: runs with network files that have changed`,
    );
    expect(told(compare({ files: [network] }, { units: new Map([[NETWORKD, seenUnit()]]) }))).toHaveLength(1);
  });
});

describe('users, keys and links', () => {
  it('creates a user that is listed twice once, with the last password', () => {
    const users = [user('u', { gecos: 'first', passwordHash: 'a' }), user('u', { passwordHash: 'b' })];
    const plan = compare({ users });
    expect(told(plan)).toEqual(['user-create u: there is no such user', 'user-password u: the user is new']);
    expect(allSteps(plan)[1]?.action).toMatchObject({ user: { gecos: 'first' } });
    expect(allSteps(plan)[2]?.action).toMatchObject({ hash: 'b' });
  });

  it('takes keys away that only an earlier user-data brought', () => {
    const users = new Map([['u', { home: '/home/u', passwordHash: '', authorizedKeys: ['a', 'b', 'mine'] }]]);
    const manifest = { ...EMPTY_MANIFEST, keys: { u: ['a', 'b'] } };
    const plan = compare({ authorizedKeys: [{ user: 'u', keys: ['a', 'mine'], origin: ORIGIN }] }, { users, manifest });
    expect(told(plan)).toEqual(['authorized-keys u: 1 key(s) are no longer in the user-data']);
    expect(last(plan)?.keys).toEqual({ u: ['a'] });
    expect(told(compare({}, { users, manifest }))).toEqual([
      'authorized-keys u: 2 key(s) are no longer in the user-data',
    ]);
  });

  it('enables a unit anew when its file changes, and again after an interruption', () => {
    const wanted = file('/etc/systemd/system/a.service');
    const state = {
      files: [wanted],
      units: [unit('a.service', { enable: true })],
      commands: [command('stop', 'a.service')],
    };
    const units = new Map([['a.service', seenUnit({ fileState: 'enabled' })]]);
    expect(told(compare(state, { units }))).toContain('unit-reenable a.service: is enabled by an older file');
    const manifest = { ...EMPTY_MANIFEST, userData: '', files: { [wanted.path]: sha256(wanted.content) } };
    const paths = new Map([[wanted.path, seenFile(wanted)]]);
    expect(told(compare(state, { units, manifest, paths }))[0]).toContain('unit-reenable');
  });
});

describe('obstacles and notices', () => {
  it('names a directory in the way, and a file where a directory has to be', () => {
    const paths = new Map([
      ['/a', seenPath({ type: 'directory' })],
      ['/b', seenPath()],
      ['/l', seenPath({ type: 'link' })],
    ]);
    const files = [
      file('/a', '', { origin: { key: 'write_files[0]', line: 3 } }),
      file('/b/c/d'),
      file('/l/f'),
      file('/l'),
    ];
    expect(obstacles({ ...EMPTY_STATE, files }, { ...EMPTY_HOST, paths })).toEqual([
      '/a (write_files[0], line 3) is a directory there, and is to be a file',
      '/b/c/d (test) cannot be written: /b is a file there',
    ]);
  });

  it('tells of files that stay because somebody has changed them', () => {
    const manifest = { ...EMPTY_MANIFEST, files: { '/a': 'x', '/b': 'y', '/c': 'z' } };
    const paths = new Map([
      ['/a', seenPath({ sha256: 'other' })],
      ['/b', seenPath({ sha256: 'y' })],
    ]);
    expect(keptNotices(EMPTY_STATE, { ...EMPTY_HOST, manifest, paths })).toEqual([
      'keeps /a: it is no longer in the user-data, but somebody has changed it since',
    ]);
  });
});

describe('questions', () => {
  it('ask for what an earlier user-data left only where it left something else', () => {
    const first = questionFor({ ...EMPTY_STATE, files: [file('/etc/f')] });
    expect(first.paths).toEqual(expect.arrayContaining(['/etc', '/etc/f']));
    expect(followUp(first, EMPTY_HOST)).toBeUndefined();
    const known = { ...EMPTY_MANIFEST, files: { '/etc/f': 'x' }, directories: ['/etc'] };
    expect(followUp(first, { ...EMPTY_HOST, manifest: known })).toBeUndefined();
    const manifest = {
      ...EMPTY_MANIFEST,
      files: { '/etc/systemd/system/old.service': 'x', [bootCopyPath('/run/x')]: 'y' },
      keys: { u: ['k'] },
    };
    const more = followUp(first, { ...EMPTY_HOST, manifest });
    expect(more?.units).toContain('old.service');
    expect(more?.paths).toEqual(
      expect.arrayContaining(['/usr/lib/systemd/system/old.service', bootCopyPath('/run/x')]),
    );
    expect(more?.users).toContain('u');
  });
});
