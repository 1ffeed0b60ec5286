import { describe, expect, it } from '@jest/globals';
import { hasColors } from '../../../src/report/color.js';

const TERMINAL = { isTTY: true };
const PIPE = {};

describe('hasColors', () => {
  it.each([
    [true, TERMINAL, {}, true],
    [true, TERMINAL, { TERM: 'xterm' }, true],
    [true, TERMINAL, { TERM: 'dumb' }, false],
    [true, TERMINAL, { NO_COLOR: '' }, true],
    [true, TERMINAL, { NO_COLOR: '1' }, false],
    [true, TERMINAL, { FORCE_COLOR: '0' }, false],
    [true, TERMINAL, { FORCE_COLOR: 'false' }, false],
    [true, TERMINAL, { FORCE_COLOR: '1', TERM: 'dumb' }, true],
    [true, TERMINAL, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [false, TERMINAL, { FORCE_COLOR: '1' }, false],
    [true, PIPE, {}, false],
    [true, PIPE, { FORCE_COLOR: '' }, false],
    [true, PIPE, { FORCE_COLOR: '1' }, true],
  ])('wanted %j, on %j with %j: %j', (wanted, stream, env, colors) => {
    expect(hasColors(wanted, stream, env)).toBe(colors);
  });
});
