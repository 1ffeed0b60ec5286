import { painter } from '../report/color.js';
import type { DoctorReport, HostFigures } from '../actions/doctor.js';
import { printable } from './printable.js';
import { table } from './table.js';

/** The hosts with their figures, each finding with what to do, and a verdict. */
export function doctorText({ cluster, hosts, findings, ok }: DoctorReport, colors: boolean): string {
  const color = painter(colors, process.stdout);
  const paint = { error: color.red, warning: color.yellow };
  const count = (severity: 'error' | 'warning'): readonly string[] => {
    const number = findings.filter((finding) => finding.severity === severity).length;
    return number === 0 ? [] : [`${number} ${severity}${number === 1 ? '' : 's'}`];
  };
  const counts = [...count('error'), ...count('warning')].join(', ');
  return `${[
    ...table(['MEMBER', 'ADDRESS', 'ROUND TRIP', 'CLOCK', 'DISK FREE', 'SYNC P99', 'ETCD'], hosts.map(row)),
    '',
    ...findings.flatMap(({ check, severity, where, what, advice }) => [
      `${paint[severity](severity)}: ${printable(where)}: ${printable(what)} ${color.dim(`[${check}]`)}`,
      `${color.cyan('→')} ${printable(advice)}`,
      '',
    ]),
    ok
      ? `${color.green(`${cluster}: nothing is wrong`)}${counts === '' ? '' : ` (${counts})`}.`
      : `${color.red(`${cluster}: ${counts}`)}.`,
  ].join('\n')}\n`;
}

function row({ name, address, reached, round_trip: trip, clock, disk_free: free, sync_p99: sync, etcd }: HostFigures) {
  if (!reached) return [name, address, 'not reached', '', '', '', ''];
  const sign = (value: number): string => `${value < 0 ? '' : '+'}${value}`;
  return [
    name,
    address,
    trip === null ? '-' : `${trip} ms`,
    clock === null ? '-' : `${sign(clock.offset)} ±${clock.bound} ms`,
    free === null ? '-' : `${(free / 1e9).toFixed(1)} GB`,
    sync === null ? '-' : `${sync} ms`,
    etcd || '-',
  ];
}
