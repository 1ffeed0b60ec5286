import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreupError } from '../../util/errors.js';
import type { Problem } from '../port.js';
import { destroyCgroup, isPopulated, processesIn } from './cgroup.js';
import { toolEnvironment } from './command.js';
import { writeAtomic } from './files.js';
import { namespaceId } from './network.js';
import type { Store } from './store.js';
import { parseAddress } from './subnet.js';
import { until } from './wait.js';

/** Where a cluster's own dnsmasq is: on the bridge's address, in a cgroup of the cluster. */
export interface NameServerPlace {
  readonly cgroup: string;
  readonly config: string;
  readonly log: string;
  /** The bridge's. */
  readonly address: string;
}

const DNS_PORT = 53;
/** Milliseconds that dnsmasq has until it listens; it needs a few hundredths of a second. */
const START_DEADLINE = 5000;

export function nameServerPlace(store: Store, address: string): NameServerPlace {
  return {
    // Hosts have no names that begin with a dot.
    cgroup: join(store.cgroups()[0], '.dns'),
    config: join(store.directory, 'dnsmasq.conf'),
    log: join(store.directory, 'dnsmasq.log'),
    address,
  };
}

/**
 * Sees to it that dnsmasq serves these records, and nothing else: it knows no other server, no hosts file and no
 * resolv.conf of this machine. One that runs with the same records stays as it is.
 *
 * @param records options for dnsmasq.conf
 * @param anew the network was made anew since it was started
 * @throws CoreupError LOCAL_DNS with what dnsmasq says
 */
export async function ensureNameServer(place: NameServerPlace, records: string, anew: boolean): Promise<void> {
  const config = `${configFor(place.address)}${records}`;
  if (!anew && isServing(place) && readIfThere(place.config) === config) return;
  await stopNameServer(place);
  // Written while none runs: what is in the file is what the one that runs was started with.
  await writeAtomic(place.config, config);
  mkdirSync(place.cgroup, { recursive: true });
  const output = openSync(place.log, 'w');
  const script = 'echo $$ > "$1/cgroup.procs" && exec dnsmasq --keep-in-foreground --log-facility=- --conf-file="$2"';
  const child = spawn('sh', ['-c', script, 'coreup-dns', place.cgroup, place.config], {
    detached: true,
    cwd: '/',
    env: toolEnvironment(),
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  const listens = await until(START_DEADLINE, () => {
    if (ended) return false;
    return portUsers(place.address).exact && isServing(place) ? true : undefined;
  });
  if (listens === true) return;
  const said = readIfThere(place.log)?.trim().split('\n').at(-1) ?? '';
  await stopNameServer(place);
  throw new CoreupError(`dnsmasq does not serve the records on ${place.address}: ${said || 'it said nothing'}`, {
    code: 'LOCAL_DNS',
    hint: `Look who has port 53: ss -lunp 'sport = 53'. Its configuration is in ${place.config}.`,
  });
}

/** Ends it, where it runs. */
export async function stopNameServer({ cgroup }: NameServerPlace): Promise<void> {
  await destroyCgroup(cgroup);
}

/** What keeps dnsmasq from being started here: another server at its port. */
export function nameServerProblems(place: NameServerPlace): Problem[] {
  if (isPopulated(place.cgroup)) return [];
  const { exact, wildcard } = portUsers(place.address);
  if (!exact && !wildcard) return [];
  return [
    {
      message:
        `discovery.managed needs port ${DNS_PORT} of ${place.address} for the records of the cluster, and another ` +
        `server on this machine ${exact ? 'has it' : 'listens on all addresses'}`,
      remedy:
        "find it with `ss -lunp 'sport = 53'`; stop it, or let it listen on its own addresses only (dnsmasq: bind-interfaces)",
      blame: 'machine',
    },
  ];
}

/** Whether it runs, and in the network namespace that we are in. */
function isServing({ cgroup }: NameServerPlace): boolean {
  const [pid] = processesIn(cgroup);
  if (pid === undefined) return false;
  try {
    return namespaceId(pid) === namespaceId();
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

function configFor(address: string): string {
  return `# Written by coreup, which starts and stops this server with the hosts of its cluster.
listen-address=${address}
bind-interfaces
except-interface=lo
port=${DNS_PORT}
no-resolv
no-hosts
no-poll
pid-file=
`;
}

/** Who listens on the DNS port: at this very address, or at all of them. Reads /proc only. */
function portUsers(address: string): { readonly exact: boolean; readonly wildcard: boolean } {
  const tcpListens = '0A';
  const locals = ['tcp', 'udp'].flatMap((protocol) =>
    (readIfThere(`/proc/net/${protocol}`) ?? '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => protocol === 'udp' || state === tcpListens)
      .map(([, local]) => local),
  );
  const at = (number: number): string => `${hex(number)}:${DNS_PORT.toString(16).toUpperCase().padStart(4, '0')}`;
  return { exact: locals.includes(at(parseAddress(address) ?? -1)), wildcard: locals.includes(at(0)) };
}

/** As the kernel prints addresses: in the byte order of the machine, which is little-endian on all that run coreup. */
function hex(address: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
  return bytes
    .reverse()
    .map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
