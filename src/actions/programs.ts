import { machine } from 'node:os';
import type { FleetWish } from '../plan/adapt-fleet.js';
import type { EtcdWish } from '../plan/adapt-etcd.js';
import type { Reporter } from '../report/port.js';
import { obtainPrograms } from '../sources/obtain.js';
import type { Program, ProgramSource, Wanted } from '../sources/program.js';
import { parseEtcdVersion } from '../etcd/version.js';
import { knownVersion } from '../state/program-versions.js';
import { InputError } from '../util/errors.js';
import type { Project } from './project.js';

/** What config.ts wants of the programs on hosts; absent where they are no concern. */
export interface ProgramWishes {
  readonly fleet?: Pick<FleetWish, 'enabled' | 'programs'> | undefined;
  readonly etcd?: EtcdWish | undefined;
}

export interface ProgramOptions {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Whether a URL without a checksum may be trusted, and its sum remembered. */
  readonly trustFirstUse: boolean;
  /** Where programs are kept, if not with the project: for a look that leaves nothing behind, not even a sum. */
  readonly scratch?: string;
}

/**
 * What config.ts wants of etcd and fleet, with the programs where it names a source: found, downloaded and checked on
 * this machine, before any host is touched.
 *
 * @throws InputError SOURCE_*; CoreupError SOURCE_DOWNLOAD
 */
export async function preparePrograms(project: Project, options: ProgramOptions): Promise<ProgramWishes> {
  return { etcd: await prepareEtcd(project, options), fleet: await prepareFleet(project, options) };
}

async function prepareEtcd(project: Project, options: ProgramOptions): Promise<EtcdWish> {
  const { source } = project.config.etcd;
  if (source === 'system' || source === 'package') return { kind: source };
  // Bytes that are in the one and not in the other, in all versions since 3.4.
  const wanted = [
    { name: 'etcd', mark: 'etcdmain' },
    { name: 'etcdctl', mark: 'ctlv3' },
  ] as const;
  const [etcd, etcdctl] = await programsOf(project, { key: 'etcd.source', what: 'an etcd', source, wanted }, options);
  const version = parseEtcdVersion((await knownVersion(project.state, etcd.sha256)) ?? '');
  return { kind: 'programs', programs: { etcd, etcdctl }, version };
}

/** Every build of fleet has its import path in it. */
const FLEET_MARK = 'github.com/coreos/fleet';

async function prepareFleet(project: Project, options: ProgramOptions): Promise<ProgramWishes['fleet']> {
  const { enabled, source } = project.config.fleet;
  if (enabled === false) return undefined;
  if (source === undefined) return { enabled };
  const wanted = [
    { name: 'fleetd', mark: FLEET_MARK },
    { name: 'fleetctl', mark: FLEET_MARK },
  ] as const;
  const [fleetd, fleetctl] = await programsOf(
    project,
    { key: 'fleet.source', what: 'a fleet', source, wanted },
    options,
  );
  return { enabled, programs: { fleetd, fleetctl } };
}

interface SourceKey {
  /** Of config.ts. */
  readonly key: string;
  /** What its programs are together. */
  readonly what: string;
  readonly source: ProgramSource;
  /** The daemon and its client. */
  readonly wanted: readonly [Wanted, Wanted];
}

async function programsOf(
  { state, config }: Project,
  { key, what, source, wanted }: SourceKey,
  { reporter, signal, trustFirstUse, scratch }: ProgramOptions,
): Promise<readonly [Program, Program]> {
  const url = typeof source === 'object' ? source.url : source;
  const [daemon, client] = await obtainPrograms({
    key,
    source,
    wanted,
    cache: scratch ?? state.file('cache'),
    pinned: (await state.load()).sources?.[url],
    trust: trustFirstUse,
    onPin: async (pinned, sha256) => {
      if (scratch !== undefined) return;
      await state.update((before) => ({ ...before, sources: { ...before.sources, [pinned]: sha256 } }));
      reporter.info(`${pinned} is trusted from now on with the sha256 ${sha256}`);
    },
    note: (text) => {
      reporter.info(text);
    },
    signal,
  });
  if (!daemon || !client) throw new RangeError('a source gives both programs or none');
  // Hosts on this machine are of its kind; others are looked at first.
  const here = config.provider.kind === 'local' ? machine() : daemon.machine;
  const stranger = [daemon, client].find((program) => program.machine !== here);
  if (stranger) {
    throw new InputError(`${stranger.name} of ${key} is a program for ${stranger.machine}, not for ${here}`, {
      code: 'SOURCE_MACHINE',
      hint: `Name ${what} that was built for ${here}.`,
    });
  }
  return [daemon, client];
}
