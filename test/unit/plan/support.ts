import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type {
  HostFile,
  HostState,
  HostUnit,
  HostUser,
  UnitCommand,
  UnitVerb,
} from '../../../src/cluster/host-state.js';
import type { Manifest } from '../../../src/plan/manifest.js';
import type { ObservedPath, ObservedUnit, Observation } from '../../../src/plan/observation.js';

export const ORIGIN = { key: 'test' };

export const EMPTY_STATE: HostState = {
  hostname: null,
  users: [],
  authorizedKeys: [],
  directories: [],
  files: [],
  edits: [],
  units: [],
  commands: [],
};

export const EMPTY_HOST: Observation = {
  hostname: 'host',
  machineId: '00000000000000000000000000000001',
  machine: 'x86_64',
  generation: 'boot',
  os: { id: 'debian', version: '12' },
  systemd: true,
  etcd: { path: '/usr/bin/etcd', version: { major: 3, minor: 4, text: '3.4.23' } },
  fleetd: undefined,
  paths: new Map(),
  contents: new Map(),
  units: new Map(),
  users: new Map(),
  dropIns: [],
  data: [],
  manifest: undefined,
};

/** The manifest of a host on which coreup has made nothing. */
export const EMPTY_MANIFEST: Manifest = {
  version: 1,
  cluster: 'c',
  member: 'core-01',
  userData: 'digest',
  files: {},
  originals: [],
  directories: [],
  edits: {},
  keys: {},
  enabled: [],
  masked: [],
  pending: [],
};

export function file(path: string, content: string | Uint8Array = `${path}\n`, more: Partial<HostFile> = {}): HostFile {
  return { path, mode: 0o644, owner: null, content: Buffer.from(content), origin: ORIGIN, ...more };
}

export function unit(name: string, more: Partial<HostUnit> = {}): HostUnit {
  return { name, mask: false, enable: false, runtime: false, origin: ORIGIN, ...more };
}

export function command(verb: UnitVerb, name: string): UnitCommand {
  return { verb, unit: name, origin: ORIGIN };
}

export function seenUnit(more: Partial<ObservedUnit> = {}): ObservedUnit {
  return {
    load: 'loaded',
    active: 'inactive',
    sub: 'dead',
    fileState: 'disabled',
    fragment: '',
    type: 'simple',
    restarts: 0,
    ...more,
  };
}

export function seenPath(more: Partial<ObservedPath> = {}): ObservedPath {
  return { type: 'file', mode: 0o644, user: 'root', group: 'root', uid: 0, gid: 0, ...more };
}

/** What is seen of a file that was written as wanted. */
export function seenFile({ content, mode }: HostFile, more: Partial<ObservedPath> = {}): ObservedPath {
  return seenPath({ mode, sha256: sha256(content), ...more });
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A directory that is gone after the test. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'coreup-unit-'));
  made.push(directory);
  return directory;
}

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A user as user-data names one without asking for anything. */
export function user(name: string, more: Partial<HostUser> = {}): HostUser {
  return {
    name,
    noCreateHome: false,
    groups: [],
    noUserGroup: false,
    system: false,
    noLogInit: false,
    origin: ORIGIN,
    ...more,
  };
}

/** Puts programs that stand in for real ones into a directory. @returns a PATH with it in front */
export function standIns(programs: Readonly<Record<string, string>>): string {
  const directory = join(temporary(), 'bin');
  mkdirSync(directory);
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return `${directory}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
}

/** Runs a script with a real /bin/sh. */
export function runShell(
  text: string,
  options: { input?: readonly Uint8Array[]; path?: string } = {},
): { stdout: string; stderr: string; code: number | null } {
  const { status, stdout, stderr, error } = spawnSync('/bin/sh', ['-c', text], {
    input: Buffer.concat(options.input ?? []),
    env: { PATH: options.path ?? process.env['PATH'] ?? '/usr/bin:/bin' },
    maxBuffer: 1 << 28,
  });
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  return { stdout: stdout.toString(), stderr: stderr.toString(), code: status };
}
