import type { Ansis } from 'ansis';
import { painter } from '../report/color.js';
import type { StatusReport } from '../actions/status.js';
import { table } from './table.js';

/** The state of the cluster as tables, with the reasons under each for what is not as it should be. */
export function statusText(report: StatusReport, colors: boolean): string {
  const color = painter(colors, process.stdout);
  const { etcd, fleet } = report;
  const members = etcd.members.map((member) => [
    member.name,
    member.id || '-',
    member.address,
    member.healthy ? color.green('healthy') : color.red(member.host === 'running' ? 'unhealthy' : member.host),
    member.leader ? 'leader' : '',
    member.version || '-',
  ]);
  const verdict = report.healthy ? color.green('healthy') : color.red('not healthy');
  const lines = [
    `${report.cluster}: ${verdict}${etcd.cluster_id === '' ? '' : `, etcd cluster ${etcd.cluster_id}`}${etcd.tls ? '' : ', plain http'}`,
    '',
    ...table(['MEMBER', 'ID', 'ADDRESS', 'HEALTH', 'LEADER', 'VERSION'], members),
    ...etcd.members.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`])),
    ...etcd.expiring.map((text) => `${color.yellow('warning:')} ${text}`),
    ...(fleet === null ? [] : fleetLines(fleet, color)),
  ];
  return `${lines.join('\n')}\n`;
}

function fleetLines({ machines, units, problem }: NonNullable<StatusReport['fleet']>, color: Ansis): readonly string[] {
  if (problem !== undefined) return ['', `fleet: ${color.red(problem)}`];
  const machineRows = machines.map(({ id, ip, metadata, member }) => [
    id.slice(0, 8),
    member || '-',
    ip || '-',
    Object.entries(metadata)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(',') || '-',
  ]);
  const unitRows = units.map(({ name, machine, member, active, sub }) => [
    name,
    machine === '' ? '-' : member || machine.slice(0, 8),
    paint(active, color),
    sub,
  ]);
  return [
    '',
    ...(machines.length === 0
      ? ['fleet: no machine has reported in']
      : table(['MACHINE', 'MEMBER', 'IP', 'METADATA'], machineRows)),
    ...(units.length === 0 ? [] : ['', ...table(['UNIT', 'MEMBER', 'ACTIVE', 'SUB'], unitRows)]),
    ...units.flatMap((unit) => (unit.problem === undefined ? [] : [`${unit.name}: ${unit.problem}`])),
  ];
}

function paint(active: string, color: Ansis): string {
  if (active === 'active') return color.green(active);
  if (active === 'failed' || active === 'unscheduled') return color.red(active);
  return active === 'unknown' ? color.yellow(active) : active;
}
