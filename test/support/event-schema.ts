import * as z from 'zod';

/** Every event as docs/events.md has it; a field that is not there is a fault. */
export const eventSchema = z.discriminatedUnion('event', [
  event('begin', { command: z.string(), coreup: z.string(), pid: z.int() }),
  event('phase-begin', { phase: z.string() }),
  event('phase-end', { phase: z.string(), ok: z.boolean(), seconds: z.number() }),
  event('member', { member: z.string(), state: z.enum(['running', 'done', 'failed']), text: z.string() }),
  event('step', {
    member: z.string(),
    step: z.int().min(1),
    of: z.int().min(1),
    kind: z.string(),
    target: z.string(),
    reason: z.string(),
  }),
  event('info', { text: z.string() }),
  event('warning', { text: z.string() }),
  event('debug', { text: z.string() }),
  event('error', {
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    member: z.string().optional(),
    detail: z.string().optional(),
    location: z.object({ file: z.string(), line: z.int().optional(), column: z.int().optional() }).optional(),
  }),
  event('result', { ok: z.boolean(), exit_code: z.int(), seconds: z.number(), document: z.unknown() }),
]);

export type ParsedEvent = z.infer<typeof eventSchema>;

/**
 * @param text what `--events` has printed, or a log
 * @throws where a line is no event, or the last is no result
 */
export function parseEvents(text: string): readonly ParsedEvent[] {
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => z.parse(eventSchema, JSON.parse(line)));
  if (events[0]?.event !== 'begin') throw new Error(`the first event is no begin: ${text}`);
  if (events.filter(({ event }) => event === 'result').length !== 1 || events.at(-1)?.event !== 'result')
    throw new Error(`the last event, and only that, must be a result: ${text}`);
  return events;
}

function event<const Name extends string, Fields extends z.ZodRawShape>(name: Name, fields: Fields) {
  return z.strictObject({ v: z.literal(1), time: z.iso.datetime(), event: z.literal(name), ...fields });
}
