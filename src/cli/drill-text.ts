import type { DrilledUnit, DrillResult } from '../actions/drill-result.js';
import { table } from './table.js';

/** What a drill found, for a person. */
export function drillText(result: DrillResult): string {
  const { victim, etcd, fleet, restored, problems } = result;
  const led = victim.leader ? ', which led etcd,' : '';
  const lines = [`${victim.name}${led} lost its power. Seconds after that:`, ''];
  if (etcd.elected !== null) lines.push(`etcd: ${etcd.leader} was elected after ${time(etcd.elected)}`);
  else if (etcd.leader !== '') lines.push(`etcd: ${etcd.leader} leads on`);
  if (etcd.answers !== null) lines.push(`etcd: answered with a quorum after ${time(etcd.answers)}`);
  if (fleet) lines.push(...fleetLines(fleet));
  lines.push(
    '',
    restored.ok
      ? `${victim.name} was back ${time(restored.seconds)} after its start.`
      : `${victim.name} is not back; run \`coreup up\`.`,
  );
  if (problems.length > 0) lines.push('', 'Not as it should be:', ...problems.map((problem) => `- ${problem}`));
  return `${lines.join('\n')}\n`;
}

function fleetLines({ units, promises }: NonNullable<DrillResult['fleet']>): readonly string[] {
  const rows = units.map((unit) => [unit.name, unit.to ?? '-', time(unit.scheduled), time(unit.running)]);
  return [
    ...(units.length === 0
      ? ['fleet: had no unit there to move']
      : ['', ...table(['UNIT', 'MOVED TO', 'SCHEDULED', 'RUNNING'], rows), ...units.flatMap(stuckLine)]),
    '',
    `fleet: conflicts were ${promises.conflicts.kept ? 'kept apart' : 'NOT kept apart'}; ` +
      (promises.nothing_lost.kept ? 'nothing was lost' : 'SOMETHING WAS LOST'),
  ];
}

const stuckLine = ({ name, reason }: DrilledUnit): readonly string[] =>
  reason === undefined ? [] : [`${name}: waited for its own machine: ${reason}`];

const time = (seconds: number | null): string => (seconds === null ? '-' : `${seconds.toFixed(2)} s`);
