import { withoutSecrets } from '../util/mask.js';
import type { Outcome, Reporter, StepNote } from './port.js';

/** Raised when a field changes its meaning or goes; new fields and new events come without. */
export const EVENTS_VERSION = 1;

/** What went wrong, as in the JSON document of an error. */
export interface ErrorNote {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly member?: string;
  readonly detail?: string;
}

/** One line of `--events` and of a run's log, without `v` and `time`: docs/events.md. */
export type Event =
  | { readonly event: 'begin'; readonly command: string; readonly coreup: string; readonly pid: number }
  | { readonly event: 'phase-begin'; readonly phase: string }
  | { readonly event: 'phase-end'; readonly phase: string; readonly ok: boolean; readonly seconds: number }
  | { readonly event: 'member'; readonly member: string; readonly state: Outcome; readonly text: string }
  | ({ readonly event: 'step'; readonly member: string } & StepNote)
  | { readonly event: 'info' | 'warning' | 'debug'; readonly text: string }
  | ({ readonly event: 'error' } & ErrorNote)
  | {
      readonly event: 'result';
      readonly ok: boolean;
      readonly exit_code: number;
      readonly seconds: number;
      readonly document: unknown;
    };

/** An event as a line of NDJSON, with its line break; secrets are hidden in each text of it. */
export function eventLine(event: Event, time: Date): string {
  return `${JSON.stringify(masked({ v: EVENTS_VERSION, time: time.toISOString(), ...event }))}\n`;
}

function masked(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner)]));
}

/** Tells of everything as events, and hands it on to another reporter. */
export class EventReporter implements Reporter {
  constructor(
    private readonly inner: Reporter | undefined,
    private readonly tell: (event: Event) => void,
  ) {}

  async phase<T>(title: string, run: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const end = (ok: boolean): void => {
      const seconds = Math.round(performance.now() - began) / 1000;
      this.tell({ event: 'phase-end', phase: title, ok, seconds });
    };
    this.tell({ event: 'phase-begin', phase: title });
    try {
      const result = await (this.inner ? this.inner.phase(title, run) : run());
      end(true);
      return result;
    } catch (error) {
      end(false);
      throw error;
    }
  }

  member(name: string, note: string, outcome: Outcome = 'running'): void {
    this.tell({ event: 'member', member: name, state: outcome, text: note });
    this.inner?.member(name, note, outcome);
  }

  step(member: string, note: StepNote): void {
    this.tell({ event: 'step', member, ...note });
    this.inner?.step?.(member, note);
  }

  info(text: string): void {
    this.tell({ event: 'info', text });
    this.inner?.info(text);
  }

  warn(text: string): void {
    this.tell({ event: 'warning', text });
    this.inner?.warn(text);
  }

  debug(text: string): void {
    this.tell({ event: 'debug', text });
    this.inner?.debug(text);
  }
}
