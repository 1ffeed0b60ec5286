import type { Ansis } from 'ansis';
import { painter } from '../report/color.js';
import { BOOK_KEEPING, type PlannedMember, type PlanResult } from '../actions/plan.js';
import { printable } from './printable.js';
import { failureLines } from './up-text.js';

type Quorum = NonNullable<PlanResult['quorum']>;
type Strength = Quorum['before'];
type Step = PlannedMember['steps'][number];

/** What `up` would do, for reading: each member's steps with what changes in files, the quorum, the services, a sum. */
export function planText(plan: PlanResult, colors: boolean): string {
  const color = painter(colors, process.stdout);
  const shown = new Map<string, string>();
  const lines = [
    ...(plan.rolls.length > 0
      ? plan.rolls.flatMap((roll, at) => rollLines(roll, membersOf(plan, at + 1), shown, color))
      : [
          ...plan.members.flatMap((member) => memberLines(member, shown, color)),
          ...(plan.quorum === null ? [] : quorumLines(plan.quorum, plan.members)),
        ]),
    ...serviceLines(plan),
    ...(plan.ok ? [] : [color.red(`\`up\` would refuse this: ${plan.problem}`), ...failureLines(plan.failures), '']),
    color.bold(summary(plan)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The members with what they do in one of several rolls. */
function membersOf({ members }: PlanResult, roll: number): readonly PlannedMember[] {
  return members.map((member) => ({ ...member, steps: member.steps.filter((step) => step.roll === roll) }));
}

function rollLines(
  { title, quorum }: PlanResult['rolls'][number],
  members: readonly PlannedMember[],
  told: Map<string, string>,
  color: Ansis,
): readonly string[] {
  const lines = members.flatMap((member) => memberLines(member, told, color));
  const heading = color.bold.underline(title);
  if (lines.length === 0) return [`${heading}: nothing is left to do`, ''];
  return [heading, '', ...lines, ...quorumLines(quorum, members)];
}

/** @param told long changes of files that were shown already, with whose they were */
function memberLines(
  { name, address, host, complete, steps }: PlannedMember,
  told: Map<string, string>,
  color: Ansis,
): readonly string[] {
  const shown = steps.filter(({ kind }) => kind !== BOOK_KEEPING);
  if (shown.length === 0) return [];
  const more =
    complete || host === 'running'
      ? []
      : [host === 'stopped' ? '  What else is to do shows once it runs.' : '  As far as it is known before it exists.'];
  return [
    color.bold(`${name} (${address})`),
    ...shown.flatMap((step) => stepLines(step, name, told, color)),
    ...more,
    '',
  ];
}

function stepLines(step: Step, member: string, told: Map<string, string>, color: Ansis): readonly string[] {
  const { kind, target, reason, verb, diff } = step;
  const what = kind === 'unit-command' ? `${verb} ${target}` : `${kind} ${target}`;
  const line = `  ${color.yellow('~')} ${printable(what)}: ${printable(reason)}`;
  if (diff === undefined) return [line];
  const before = told.get(diff);
  const changes = printable(diff).trimEnd().split('\n');
  if (before !== undefined && changes.length > SHORT) return [line, `      as on ${before}`];
  if (before === undefined) told.set(diff, member);
  return [line, ...changes.map((change) => `      ${paint(change, color)}`)];
}

/** Lines of a change that are worth repeating. */
const SHORT = 8;

function paint(line: string, color: Ansis): string {
  if (line.startsWith('+')) return color.green(line);
  if (line.startsWith('-')) return color.red(line);
  return line.startsWith('@@') ? color.cyan(line) : line;
}

function quorumLines({ before, stages, verdict }: Quorum, members: readonly PlannedMember[]): readonly string[] {
  if (stages.length === 0) return members.some(({ steps }) => steps.length > 0) ? [`etcd: ${bears(before)}`, ''] : [];
  const rows = stages.map(({ members: names, before: at, during, after }, index) => {
    const verb = at.up === during.up ? 'start' : 'restart';
    const does = `${names.join(', ')} ${names.length === 1 ? `${verb}s` : verb}`;
    return `  ${index + 1}. ${does}: ${count(during)} up meanwhile, ${count(after)} afterwards`;
  });
  const note: Record<Quorum['verdict'], readonly string[]> = {
    safe: [],
    interrupts: ['  A cluster of this size has no member to spare: etcd does not answer while one restarts.'],
    refused: ['  This would take the quorum.'],
  };
  return [`etcd: ${bears(before)}`, ...rows, ...note[verdict], ''];
}

function bears(strength: Strength): string {
  const { voters, up, quorum, tolerates } = strength;
  const failures = `${tolerates} ${tolerates === 1 ? 'failure' : 'failures'}`;
  const state = up < quorum ? (up === 0 ? 'not up yet' : 'no quorum') : `tolerates ${failures}`;
  return `${up} of ${voters} ${voters === 1 ? 'voter' : 'voters'} up, the quorum is ${quorum}: ${state}`;
}

function count({ up, voters, tolerates, quorum }: Strength): string {
  return `${up} of ${voters} (${up < quorum ? 'no quorum' : `tolerates ${tolerates}`})`;
}

function serviceLines({ services }: PlanResult): readonly string[] {
  if (services.length === 0) return [];
  const rows = services.map(({ unit, change, reason, members, others, problem }) => {
    const todo = change === null ? 'stays' : `${change} (${reason})`;
    const where = members.length === 0 ? '' : `, on ${members.join(', ')}`;
    const or = others.length === 0 ? '' : ` or ${others.join(' or ')}`;
    return `  ${unit}: ${todo}${where}${or}${problem === undefined ? '' : `; ${problem}`}`;
  });
  return ['fleet:', ...rows, ''];
}

/** One sentence: how much changes where, and what restarts. */
export function summary({
  changes,
  members,
  ok,
  cluster,
}: Omit<PlanResult, 'quorum' | 'rolls' | 'services' | 'failures'>): string {
  if (changes === 0)
    return ok ? `No changes: the hosts of ${cluster} are as config.ts wants them.` : 'No steps are known.';
  const touched = members.filter(({ steps }) => steps.some(({ kind }) => kind !== BOOK_KEEPING));
  const units = [...new Set(touched.flatMap((member) => member.restarts))].map((unit) => {
    const where = touched.filter((member) => member.restarts.includes(unit)).map(({ name }) => name);
    return `${unit} on ${where.join(', ')}`;
  });
  const on = touched.length === 0 ? '' : ` on ${touched.map(({ name }) => name).join(', ')}`;
  const again = units.length === 0 ? 'nothing that runs restarts' : `restarts ${units.join('; ')}`;
  return `Plan: ${changes} ${changes === 1 ? 'change' : 'changes'}${on}; ${again}.`;
}
