import { machine } from 'node:os';
import type { FleetWish } from '../plan/adapt-fleet.js';
import type { Reporter } from '../report/port.js';
import { obtainPrograms } from '../sources/obtain.js';
import { InputError } from '../util/errors.js';
import type { Project } from './project.js';

/** Every build of fleet has its import path in it. */
const MARK = 'github.com/coreos/fleet';

export interface FleetOptions {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Whether a URL without a checksum may be trusted, and its sum remembered. */
  readonly trustFirstUse: boolean;
  /** Where programs are kept, if not with the project: for a look that leaves nothing behind, not even a sum. */
  readonly scratch?: string;
}

/**
 * What config.ts wants of fleet, with the programs where it names a source: found, downloaded and checked on this
 * machine, before any host is touched.
 *
 * @returns undefined where fleet.enabled is false
 * @throws InputError SOURCE_*; CoreupError SOURCE_DOWNLOAD
 */
export async function prepareFleet(
  project: Project,
  { reporter, signal, trustFirstUse, scratch }: FleetOptions,
): Promise<Pick<FleetWish, 'enabled' | 'programs'> | undefined> {
  const { enabled, source } = project.config.fleet;
  if (enabled === false) return undefined;
  if (source === undefined) return { enabled };
  const url = typeof source === 'object' ? source.url : source;
  const [fleetd, fleetctl] = await obtainPrograms({
    key: 'fleet.source',
    source,
    wanted: [
      { name: 'fleetd', mark: MARK },
      { name: 'fleetctl', mark: MARK },
    ],
    cache: scratch ?? project.state.file('cache'),
    pinned: (await project.state.load()).sources?.[url],
    trust: trustFirstUse,
    onPin: async (pinned, sha256) => {
      if (scratch !== undefined) return;
      await project.state.update((state) => ({ ...state, sources: { ...state.sources, [pinned]: sha256 } }));
      reporter.info(`${pinned} is trusted from now on with the sha256 ${sha256}`);
    },
    note: (text) => {
      reporter.info(text);
    },
    signal,
  });
  if (!fleetd || !fleetctl) throw new RangeError('a source gives both programs or none');
  // Hosts on this machine are of its kind; others are looked at first.
  const here = project.config.provider.kind === 'local' ? machine() : fleetd.machine;
  const stranger = [fleetd, fleetctl].find((program) => program.machine !== here);
  if (stranger) {
    throw new InputError(`${stranger.name} of fleet.source is a program for ${stranger.machine}, not for ${here}`, {
      code: 'SOURCE_MACHINE',
      hint: `Name a fleet that was built for ${here}.`,
    });
  }
  return { enabled, programs: { fleetd, fleetctl } };
}
