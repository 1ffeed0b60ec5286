import { misplaced } from '../cluster/addresses.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { SILENCE } from '../plan/lock-script.js';
import { nameOf, parseOwner } from '../state/owner.js';
import { etcdWish } from './etcd-wish.js';
import { error, warning, type Finding } from './finding.js';
import type { HostFacts, HostView, Listening } from './host-view.js';

type HostCheck = (host: HostView & { readonly facts: HostFacts }) => readonly Finding[];

/** What is wrong with single hosts. Pure. */
export function checkHosts(hosts: readonly HostView[]): readonly Finding[] {
  return hosts.flatMap((host) => [
    ...host.troubles.map(({ check, what, advice }) =>
      (check === 'disk-sync' || check === 'clock' ? warning : error)(check, host.name, what, advice),
    ),
    ...(host.facts === undefined ? [] : CHECKS.flatMap((check) => check({ ...host, facts: host.facts as HostFacts }))),
    ...slowSync(host),
  ]);
}

function isInit({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (facts.systemd) return [];
  return [error('systemd', name, 'is not run by systemd', 'coreup needs Linux with systemd as init.')];
}

function hasMachineId({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (/^[0-9a-f]{32}$/.test(facts.machineId)) return [];
  const advice = `Make one and restart the host: coreup ssh ${name} -- 'sudo systemd-machine-id-setup && sudo reboot'`;
  return [error('machine-id', name, 'has no machine ID in /etc/machine-id', advice)];
}

function knowsItself({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (facts.knowsItself) return [];
  const what = `does not resolve its own name, ${facts.hostname}: sudo and others wait for an answer`;
  const advice = `Add it to /etc/hosts there (\`127.0.1.1 ${facts.hostname}\`), or install libnss-myhostname.`;
  return [warning('own-name', name, what, advice)];
}

function resolvesMembers({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (facts.unresolved.length === 0) return [];
  const what = `does not resolve ${facts.unresolved.join(', ')}, which etcd's settings name`;
  const advice = 'Look at /etc/resolv.conf and the name server there; `coreup dns check` says more for DNS discovery.';
  return [error('names', name, what, advice)];
}

/** Errors of systemd units other than etcd's and fleet's are the owner's own. */
function failedUnits({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  const others = facts.failedUnits.filter((unit) => unit !== ETCD_UNIT && unit !== FLEET_UNIT);
  if (others.length === 0) return [];
  const what = `has systemd units that have failed: ${others.join(', ')}`;
  return [warning('failed-units', name, what, `See why: coreup logs ${name} ${others[0]}`)];
}

function etcdRuns({ name, facts, desired, member }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (member.role !== 'etcd' || desired === undefined || !facts.systemd) return [];
  const unit = facts.units.get(ETCD_UNIT);
  if (unit?.active === 'active') {
    return unit.restarts === 0
      ? []
      : [
          warning(
            'etcd-restarts',
            name,
            `systemd has restarted etcd ${unit.restarts === 1 ? 'once' : `${unit.restarts} times`}`,
            `See why it ended: coreup logs ${name} ${ETCD_UNIT}`,
          ),
        ];
  }
  if (unit === undefined || unit.load === 'not-found') {
    return [error('etcd-running', name, 'has no etcd2.service yet', 'Run `coreup up`.')];
  }
  const how = unit.result === 'success' || unit.result === '' ? unit.active : `${unit.active}: ${unit.result}`;
  const why = `See why: coreup logs ${name} ${ETCD_UNIT}. Then start it: coreup up`;
  return [error('etcd-running', name, `does not run etcd (${ETCD_UNIT} is ${how})`, why)];
}

function fleetRuns({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  const unit = facts.units.get(FLEET_UNIT);
  if (unit?.load !== 'loaded' || unit.active !== 'failed') return [];
  return [
    error('fleet-running', name, 'does not run fleet (fleet.service has failed)', `See why: coreup logs ${name} fleet`),
  ];
}

function lock({ name, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (facts.lock === '') return [];
  const what = `is locked by ${nameOf(parseOwner(facts.lock))}: what was found may change while that runs`;
  const advice = `Wait until it has ended; a lock whose owner gives no sign of life ends after ${SILENCE} s.`;
  return [warning('host-lock', name, what, advice)];
}

/** Something else at a port of etcd's: etcd cannot start, or peers talk to the wrong one. */
function portsTaken({ name, facts, desired }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (desired === undefined) return [];
  const wish = etcdWish(desired);
  if (!wish.etcd) return [];
  if (facts.listeners === undefined) {
    return [warning('port-taken', name, 'has no `ss`, so nobody can tell who listens there', 'Install iproute2.')];
  }
  const own = facts.units.get(ETCD_UNIT)?.mainPid ?? 0;
  const strangers = facts.listeners.filter(
    (one) =>
      one.process?.pid !== own &&
      (one.process !== undefined || own === 0) &&
      wish.listens.some(({ host, port }) => port === one.port && overlap(host, one.address)),
  );
  return [...new Map(strangers.map((one) => [`${one.port} ${one.process?.pid}`, one])).values()].map((one) => {
    const who = one.process === undefined ? 'another process' : `${one.process.name} (process ${one.process.pid})`;
    const advice = `End it there, or give it another port; see \`coreup ssh ${name} -- sudo ss -tlnp\`. Then: coreup up`;
    return error('port-taken', name, `has port ${one.port}, which etcd needs, taken by ${who}`, advice);
  });
}

function overlap(a: string, b: Listening['address']): boolean {
  const wild = (address: string): boolean => ['0.0.0.0', '::', ''].includes(address);
  return a === b || wild(a) || wild(b) || (a === 'localhost' && b === '127.0.0.1');
}

/** etcd takes 64 MB at a time for its log (etcd, wal.SegmentSizeBytes), and ends where it gets none. */
const SEGMENT = 64 * 1024 * 1024;
const ROOMY = 1024 * 1024 * 1024;
const FEW_INODES = 1000;

function diskSpace({ name, facts, desired, member }: Parameters<HostCheck>[0]): readonly Finding[] {
  const { disk } = facts;
  if (disk === undefined || desired === undefined || member.role === 'worker') return [];
  const { dataDirectory } = etcdWish(desired);
  const what = `has ${megabytes(disk.free)} free on ${disk.mount}, where etcd keeps its data (${dataDirectory})`;
  const advice = `See what fills it: coreup ssh ${name} -- sudo du -xh --max-depth=3 ${disk.mount}. etcd ends where it gets no space for its log.`;
  const room =
    disk.free < 2 * SEGMENT
      ? [error('disk-space', name, what, advice)]
      : disk.free < ROOMY
        ? [warning('disk-space', name, what, advice)]
        : [];
  if (disk.freeInodes === undefined || disk.freeInodes >= FEW_INODES) return room;
  return [
    ...room,
    error(
      'disk-inodes',
      name,
      `has ${disk.freeInodes} free inodes on ${disk.mount}`,
      `Remove files there: many small ones fill it.`,
    ),
  ];
}

/** etcd wants the 99th percentile of its log's writes below 10 ms (etcd documentation, "Hardware recommendations"). */
const FAST_ENOUGH = 10;

function slowSync({ name, sync, member }: HostView): readonly Finding[] {
  if (sync === undefined || member.role === 'worker' || sync.p99 < FAST_ENOUGH) return [];
  return [
    warning(
      'disk-sync',
      name,
      `takes ${sync.p99.toFixed(1)} ms for a synchronous write (99th percentile of ${sync.writes}); etcd wants less than ${FAST_ENOUGH}`,
      'Give etcd a faster disk, or one that nothing else writes to; slow writes end in elections.',
    ),
  ];
}

/** The quota of etcd where none is set (etcd, DefaultQuotaBytes). */
export const DEFAULT_QUOTA = 2 * 1024 * 1024 * 1024;

export function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)} MB`;
}

function address({ name, member, facts }: Parameters<HostCheck>[0]): readonly Finding[] {
  if (facts.network === undefined) {
    return [warning('address', name, 'has no `ip`, so nobody can tell its addresses', 'Install iproute2.')];
  }
  const { privateIpv4 } = member;
  return misplaced([{ name, privateIpv4, network: facts.network }]).map(({ message, hint }) =>
    error('address', name, message, hint),
  );
}

const CHECKS: readonly HostCheck[] = [
  isInit,
  hasMachineId,
  address,
  knowsItself,
  resolvesMembers,
  portsTaken,
  etcdRuns,
  fleetRuns,
  failedUnits,
  diskSpace,
  lock,
];
