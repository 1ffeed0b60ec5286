import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The arguments or the environment of a process that ran. */
export interface SeenProcess {
  /** Such as `environment of /usr/bin/etcd`. */
  readonly where: string;
  readonly text: string;
}

/** Every so many milliseconds; a process lives longer than that, if it does anything. */
const EVERY = 10;

/**
 * Looks at the arguments and environments of all processes, until it is stopped: of this machine, and so of the hosts on it.
 * A process may change both as it goes, so each look counts.
 */
export function watchProcesses(): { stop(): readonly SeenProcess[] } {
  const seen = new Map<string, SeenProcess>();
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      for (const [what, file] of [
        ['arguments', 'cmdline'],
        ['environment', 'environ'],
      ] as const) {
        const text = textOf(`/proc/${pid}/${file}`);
        if (text !== '' && !seen.has(text)) seen.set(text, { where: `${what} of ${programOf(pid)}`, text });
      }
    }
  };
  // A test that fails before it stops this must still end.
  const timer = setInterval(look, EVERY).unref();
  look();
  return {
    stop() {
      clearInterval(timer);
      return [...seen.values()];
    },
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // It has ended meanwhile.
  }
}

function programOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return 'a process that has ended';
  }
}
