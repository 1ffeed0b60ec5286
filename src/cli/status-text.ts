import { Ansis } from 'ansis';
import Table from 'cli-table3';
import type { StatusReport } from '../actions/status.js';

/** The state of the cluster as a table, with the reason under it for each member that is not healthy. */
export function statusText(report: StatusReport, colors: boolean): string {
  const color = new Ansis(colors && process.stdout.isTTY && !process.env['NO_COLOR'] ? 3 : 0);
  const { etcd } = report;
  const table = new Table({
    head: ['MEMBER', 'ID', 'ADDRESS', 'HEALTH', 'LEADER', 'VERSION'],
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const member of etcd.members) {
    const health = member.healthy
      ? color.green('healthy')
      : color.red(member.host === 'running' ? 'unhealthy' : member.host);
    table.push([
      member.name,
      member.id || '-',
      member.address,
      health,
      member.leader ? 'leader' : '',
      member.version || '-',
    ]);
  }
  const verdict = report.healthy ? color.green('healthy') : color.red('not healthy');
  const lines = [
    `${report.cluster}: ${verdict}${etcd.cluster_id === '' ? '' : `, etcd cluster ${etcd.cluster_id}`}`,
    '',
    ...table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd()),
    ...etcd.members.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`])),
  ];
  return `${lines.join('\n')}\n`;
}

const BORDERLESS = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
  bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '',
}; // prettier-ignore
