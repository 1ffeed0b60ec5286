import { describe, expect, it } from '@jest/globals';
import type { MemberReport, StatusReport } from '../../../src/actions/status.js';
import type { UpResult } from '../../../src/actions/up.js';
import { errorJson, errorText } from '../../../src/cli/error-text.js';
import { statusText } from '../../../src/cli/status-text.js';
import { upText } from '../../../src/cli/up-text.js';
import { CoreupError, InputError, InterruptedError } from '../../../src/util/errors.js';

const QUIET = { color: false, verbose: false };
const FAULT = 'This is a fault in coreup itself. Run it again with -v for the stack trace.';

describe('errorText', () => {
  it('says what happened, where in the file, and what to do', () => {
    const error = new InputError('num_instances is 0', {
      code: 'CONFIG',
      hint: 'Give at least 1.\nOr leave it out.',
      location: { file: 'config.ts', line: 3, column: 5 },
      frame: '> 3 | num_instances: 0',
    });
    expect(errorText(error, QUIET)).toBe(
      'Error: config.ts:3:5: num_instances is 0\n\n> 3 | num_instances: 0\n\n→ Give at least 1.\n→ Or leave it out.\n',
    );
  });

  it.each([
    [{ file: 'a' }, 'Error: wrong\n'],
    [{ file: 'a', line: 2 }, 'Error: a:2: wrong\n'],
  ])('says as much of the place as is known (%j)', (location, text) => {
    expect(errorText(new InputError('wrong', { code: 'X', location }), QUIET)).toBe(text);
  });

  it('does not say the place twice', () => {
    const error = new InputError('config.ts:3 is wrong', { code: 'X', location: { file: 'config.ts', line: 3 } });
    expect(errorText(error, QUIET)).toBe('Error: config.ts:3 is wrong\n');
  });

  it('calls a fault of its own what it is, and nothing else', () => {
    expect(errorText(new TypeError('x is undefined'), QUIET)).toBe(`Error: x is undefined\n${FAULT}\n`);
    const usage = Object.assign(new Error('Nonexistent flag: --foo'), { oclif: { exit: 2 } });
    for (const error of [new CoreupError('no', { code: 'X' }), usage, new InterruptedError()]) {
      expect(errorText(error, QUIET)).not.toContain(FAULT);
    }
  });

  it('shows stacks only where asked for, of causes too', () => {
    const cause = new Error('the cause', { cause: new Error('its own cause') });
    const error = new CoreupError('no', { code: 'X', cause });
    expect(errorText(error, QUIET)).toBe('Error: no\n');
    const verbose = errorText(error, { color: false, verbose: true });
    expect(verbose).toMatch(/\n\s+at /);
    expect(verbose).toContain('\ncaused by Error: the cause');
    expect(verbose).toContain('\ncaused by Error: its own cause');
    const own: { cause?: unknown } & Error = new Error('circular');
    own.cause = own;
    expect(errorText(own, { color: false, verbose: true })).toContain('circular');
  });

  it.each<[unknown, string]>([
    [new Error(''), 'Error'],
    [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [
      new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')], ''),
      'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1',
    ],
    ['a string', 'a string'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, 'unknown error'],
  ])('never has nothing to say (%p)', (error, message) => {
    expect(errorText(error, QUIET)).toBe(`Error: ${message}\n${FAULT}\n`);
    expect(errorJson(error)).toEqual({ ok: false, error: { code: 'INTERNAL', message } });
  });
});

describe('errorJson', () => {
  it('says the same for programs, and never a stack', () => {
    const location = { file: 'config.ts', line: 3 };
    const error = new InputError('wrong', { code: 'CONFIG', hint: 'do', member: 'core-01', location });
    expect(errorJson(error)).toEqual({
      ok: false,
      error: { code: 'CONFIG', message: 'wrong', hint: 'do', member: 'core-01', location },
    });
    const usage = Object.assign(new Error('Nonexistent flag'), { oclif: {} });
    expect(errorJson(usage)).toEqual({ ok: false, error: { code: 'USAGE', message: 'Nonexistent flag' } });
  });
});

describe('upText', () => {
  const result = (more: Partial<UpResult> = {}): UpResult => ({
    ok: true,
    seconds: 1.26,
    members: ['core-01', 'core-02'].map((name) => ({ name, address: '10.0.0.1', ok: true })),
    changes: 0,
    failures: [],
    ...more,
  });

  it.each<[Partial<UpResult>, string]>([
    [{}, 'Nothing to do: c is healthy (2 members, checked in 1.3 s).\n'],
    [{ changes: 1 }, 'c is up and healthy: 2 members, 1 change, 1.3 s.\n'],
    [
      { changes: 12, members: [{ name: 'a', address: 'b', ok: true }] },
      'c is up and healthy: 1 member, 12 changes, 1.3 s.\n',
    ],
  ])('tells of success (%j)', (more, text) => {
    expect(upText('c', result(more))).toBe(text);
  });

  it('names each member that failed, with the end of its journal and what to do', () => {
    const failures = [
      { member: 'core-01', message: 'no', detail: 'line one\nline two', hint: 'do this' },
      { member: 'core-02', message: 'neither' },
    ];
    expect(upText('c', result({ ok: false, problem: 'etcd is not healthy on: core-01, core-02', failures }))).toBe(
      `Error: etcd is not healthy on: core-01, core-02

core-01: no
    line one
    line two
→ do this

core-02: neither
`,
    );
    expect(upText('c', result({ ok: false }))).toBe('Error: the cluster is not up\n');
  });
});

describe('statusText', () => {
  const member = (more: Partial<MemberReport>): MemberReport => ({
    id: 'abc',
    name: 'core-01',
    address: '10.0.0.1',
    host: 'running',
    peer_urls: [],
    client_urls: [],
    healthy: true,
    leader: false,
    version: '3.4.23',
    ...more,
  });
  const report = (healthy: boolean, members: MemberReport[], cluster_id = 'ff'): StatusReport => ({
    cluster: 'c',
    healthy,
    etcd: { leader: '', cluster_id, tls: true, expiring: [], members },
    fleet: null,
  });

  it('shows each member in a row that fits, with the leader', () => {
    const text = statusText(report(true, [member({ leader: true }), member({ name: 'core-02', id: 'def' })]), true);
    const lines = text.split('\n');
    expect(lines[0]).toBe('c: healthy, etcd cluster ff');
    expect(lines[2]?.split(/ {2,}/)).toEqual(['MEMBER', 'ID', 'ADDRESS', 'HEALTH', 'LEADER', 'VERSION']);
    expect(lines[3]?.split(/ {2,}/)).toEqual(['core-01', 'abc', '10.0.0.1', 'healthy', 'leader', '3.4.23']);
    expect(lines[4]?.split(/ {2,}/)).toEqual(['core-02', 'def', '10.0.0.1', 'healthy', '3.4.23']);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('says what is wrong with each that is not healthy', () => {
    const text = statusText(
      report(
        false,
        [
          member({ healthy: false, problem: 'knows no leader: the cluster has no quorum' }),
          member({
            name: 'core-02',
            id: '',
            version: '',
            healthy: false,
            host: 'stopped',
            problem: 'the host is stopped',
          }),
        ],
        '',
      ),
      true,
    );
    expect(text).toMatch(/^c: not healthy\n/);
    expect(text).toMatch(/core-01 .* unhealthy/);
    expect(text).toMatch(/core-02 +- +10\.0\.0\.1 +stopped +-\n/);
    expect(text).toContain('core-01: knows no leader: the cluster has no quorum\ncore-02: the host is stopped\n');
  });
});
