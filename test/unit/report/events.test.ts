import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { eventLine, EventReporter, type Event } from '../../../src/report/events.js';
import { PlainReporter } from '../../../src/report/plain.js';
import { eventSchema } from '../../support/event-schema.js';

const TIME = new Date('2026-01-02T03:04:05.678Z');

describe('eventLine', () => {
  it('is one line with the version and the time first', () => {
    const line = eventLine({ event: 'info', text: 'two\nlines' }, TIME);
    expect(line).toBe('{"v":1,"time":"2026-01-02T03:04:05.678Z","event":"info","text":"two\\nlines"}\n');
  });

  it('hides secrets wherever they are', () => {
    const document = { list: ['password: hunter2hunter2'], deep: { url: 'https://me:hunter2hunter2@example.com/' } };
    const events: Event[] = [
      { event: 'info', text: 'PASSWORD=hunter2hunter2' },
      {
        event: 'error',
        code: 'X',
        message: 'Bearer hunter2hunter2',
        detail: 'token=hunter2hunter2\nsecret: hunter2hunter2',
      },
      { event: 'result', ok: true, exit_code: 0, seconds: 1, document },
    ];
    for (const event of events) {
      const line = eventLine(event, TIME);
      expect(line).toContain('(hidden)');
      expect(line).not.toContain('hunter2');
    }
  });
});

describe('EventReporter', () => {
  function recorded() {
    const events: Event[] = [];
    let seen = '';
    const inner = new PlainReporter({ write: (text: string) => (seen += text) }, false);
    return { events, seen: () => seen, reporter: new EventReporter(inner, (event) => events.push(event)) };
  }

  it('tells of everything, and hands it on', async () => {
    const { events, seen, reporter } = recorded();
    await reporter.phase('Applying', () => {
      reporter.step('core-01', { step: 1, of: 2, kind: 'file', target: '/etc/x', reason: 'it is missing' });
      reporter.member('core-01', '2 changes made', 'done');
      reporter.info('a note');
      reporter.warn('careful');
      reporter.debug('a command');
      return Promise.resolve();
    });
    expect(events).toEqual([
      { event: 'phase-begin', phase: 'Applying' },
      { event: 'step', member: 'core-01', step: 1, of: 2, kind: 'file', target: '/etc/x', reason: 'it is missing' },
      { event: 'member', member: 'core-01', state: 'done', text: '2 changes made' },
      { event: 'info', text: 'a note' },
      { event: 'warning', text: 'careful' },
      { event: 'debug', text: 'a command' },
      { event: 'phase-end', phase: 'Applying', ok: true, seconds: expect.any(Number) },
    ]);
    expect(seen()).toBe('Applying\ncore-01: 2 changes made\na note\nwarning: careful\n');
    for (const event of events) z.parse(eventSchema, JSON.parse(eventLine(event, TIME)));
  });

  it('ends a phase that failed as not ok, and passes the failure on', async () => {
    const { events, reporter } = recorded();
    await expect(reporter.phase('x', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(events.at(-1)).toMatchObject({ event: 'phase-end', phase: 'x', ok: false });
  });
});
