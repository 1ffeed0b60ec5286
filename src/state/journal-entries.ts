/** One line of the journal, without the run it belongs to and the time. */
export type Entry =
  | {
      readonly event: 'began';
      readonly command: string;
      readonly pid: number;
      readonly host: string;
      readonly user?: string;
    }
  | { readonly event: 'phase'; readonly title: string }
  | { readonly event: 'plan'; readonly changes: Readonly<Record<string, number>> }
  | { readonly event: 'step'; readonly member: string; readonly step: string }
  | { readonly event: 'stepped'; readonly member: string }
  | { readonly event: 'ended'; readonly outcome: 'done' | 'failed' | 'interrupted' };

/** What the journal tells of a run. */
export interface RunRecord {
  readonly id: string;
  readonly command: string;
  readonly pid: number;
  readonly host: string;
  readonly user?: string;
  /** Time of its first and its last line (ISO 8601). */
  readonly began: string;
  readonly last: string;
  /** The last phase that began. */
  readonly phase?: string;
  /** Changes that were planned, by member. */
  readonly changes?: Readonly<Record<string, number>>;
  /** Steps that had begun and not ended when the last line was written, such as `unit-command restart etcd2.service`. */
  readonly underWay: readonly { readonly member: string; readonly step: string }[];
  /** Absent where it was killed, or still runs. */
  readonly outcome?: 'done' | 'failed' | 'interrupted';
}

/** Reads lines of the journal; what is cut off is passed over. @returns the runs in the order in which they began */
export function runsOf(text: string): readonly RunRecord[] {
  const runs = new Map<string, RunRecord>();
  for (const line of text.split('\n')) {
    const entry = parse(line);
    if (entry === undefined) continue;
    const { run, at } = entry;
    const known = runs.get(run);
    if (known !== undefined) runs.set(run, { ...known, ...told(known, entry), last: at });
    else if (entry.event === 'began') {
      const { command, pid, host, user } = entry;
      const who = user === undefined ? { pid, host } : { pid, host, user };
      runs.set(run, { id: run, command, ...who, began: at, last: at, underWay: [] });
    }
  }
  return [...runs.values()];
}

/** What a line adds to what is known of its run. */
function told({ underWay }: RunRecord, entry: Entry): Partial<RunRecord> {
  switch (entry.event) {
    case 'began':
      return {};
    case 'phase':
      return { phase: entry.title };
    case 'plan':
      return { changes: entry.changes };
    case 'step':
      return { underWay: [...others(underWay, entry.member), { member: entry.member, step: entry.step }] };
    case 'stepped':
      return { underWay: others(underWay, entry.member) };
    case 'ended':
      return { outcome: entry.outcome };
  }
}

function others(underWay: RunRecord['underWay'], member: string): RunRecord['underWay'] {
  return underWay.filter((entry) => entry.member !== member);
}

/** Steps of more members than this are only counted. */
const NAMED = 3;

/**
 * One line on a run that was killed: when, and what was under way.
 *
 * @param now for the choice between the time and the date with the time
 */
export function killedText({ command, last, phase, underWay }: RunRecord, now: Date): string {
  const time = new Date(last);
  const clock = time.toTimeString().slice(0, 5);
  const sameDay = time.toDateString() === now.toDateString();
  const when = sameDay ? clock : `${time.toISOString().slice(0, 10)} ${time.toISOString().slice(11, 16)} UTC`;
  const named = underWay.slice(0, NAMED).map(({ member, step }) => `${step} on ${member}`);
  const more = underWay.length - named.length;
  const steps = [...named, ...(more > 0 ? [`steps on ${more} more`] : [])].join(', ');
  const what = steps !== '' ? `in the middle of ${steps}` : phase === undefined ? 'at its start' : `at "${phase}"`;
  return `the last ${command} ended at ${when} ${what}`;
}

function parse(line: string): (Entry & { readonly run: string; readonly at: string }) | undefined {
  try {
    const value = JSON.parse(line) as (Entry & { readonly run: unknown; readonly at: unknown }) | null;
    return typeof value?.run === 'string' && typeof value.at === 'string'
      ? (value as Entry & { readonly run: string; readonly at: string })
      : undefined;
  } catch {
    return undefined;
  }
}
