import { describe, expect, it } from '@jest/globals';
import { boolOf, floatText, intText, resolve, stringOf } from '../../../src/cloud-config/scalars.js';
import type { ScalarNode } from '../../../src/cloud-config/nodes.js';

const plain = (text: string): ScalarNode => ({ kind: 'scalar', start: 0, end: 0, text, style: 'plain' });

describe('scalars, as coreos-cloudinit reads them', () => {
  it.each([
    ['yes', 'bool'],
    ['Off', 'bool'],
    ['y', 'bool'],
    ['oN', 'string'],
    ['~', 'null'],
    ['', 'null'],
    ['Null', 'null'],
    ['1', 'int'],
    ['-0x1F', 'int'],
    ['0644', 'int'],
    ['0b101', 'int'],
    ['1_000', 'int'],
    ['08', 'float'],
    ['+1', 'int'],
    ['1.5', 'float'],
    ['.5', 'float'],
    ['1e3', 'float'],
    ['.inf', 'float'],
    ['-.INF', 'float'],
    ['.nan', 'float'],
    ['12:30', 'string'],
    ['2001-01-01', 'string'],
    ['1.2.3.4', 'string'],
    ['9223372036854775808', 'float'],
    ['-', 'string'],
    ['.', 'string'],
  ])('%j is %s', (text, type) => {
    expect(resolve(plain(text)).type).toBe(type);
    expect(resolve({ ...plain(text), style: 'double' }).type).toBe('string');
  });

  it('keeps the text where a string is wanted', () => {
    expect(['off', '0644', '12:30', '1e3', '~'].map((text) => stringOf(plain(text)))).toEqual([
      'off',
      '0644',
      '12:30',
      '1e3',
      '',
    ]);
  });

  it('prints numbers as Go does', () => {
    expect(['0644', '5', '0', '1e3', '2.9', 'x', '-3'].map((text) => intText(plain(text)))).toEqual([
      '420',
      '5',
      undefined,
      '1000',
      '2',
      undefined,
      '-3',
    ]);
    expect(['1', '0.5', '0.00001', '1e21', '0.0', 'x', '.inf'].map((text) => floatText(plain(text)))).toEqual([
      '1',
      '0.5',
      '1e-05',
      '1e+21',
      undefined,
      undefined,
      '+Inf',
    ]);
  });

  it('takes only real booleans', () => {
    expect(boolOf(plain('on'))).toBe(true);
    expect(boolOf({ ...plain('true'), style: 'double' })).toBe(false);
  });
});
