import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { missingVariables, substitute } from '../../../src/cloud-config/substitute.js';
import { runs } from './support.js';

const VARS = {
  public_ipv4: '192.0.2.3',
  private_ipv4: '10.0.0.1',
  public_ipv6: '2001:db8::1',
  private_ipv6: 'fd00::1',
};

describe('substitution', () => {
  it.each([
    ['$private_ipv4', '10.0.0.1'],
    ['http://$public_ipv4:2379,[$public_ipv6]', 'http://192.0.2.3:2379,[2001:db8::1]'],
    ['$private_ipv4x', '10.0.0.1x'],
    ['\\$private_ipv4', '$private_ipv4'],
    ['\\\\$private_ipv4', '\\$private_ipv4'],
    ['${private_ipv4} $other $private_ip', '${private_ipv4} $other $private_ip'],
    ['$private_ipv4$private_ipv4', '10.0.0.1$private_ipv4'],
    ['$private_ipv4$private_ipv4$private_ipv4', '10.0.0.1$private_ipv410.0.0.1'],
    ['$private_ipv4$public_ipv4', '10.0.0.1192.0.2.3'],
    ['\n$private_ipv4\n', '\n10.0.0.1\n'],
    ['$$private_ipv4', '$10.0.0.1'],
  ])('%j becomes %j', (text, expected) => {
    expect(substitute(text, VARS)).toBe(expected);
  });

  it('refuses a variable without value where it is used', () => {
    expect(() =>
      substitute('a: 1\nb: http://$public_ipv4:2379\n', { private_ipv4: '10.0.0.1' }, 'user-data-1'),
    ).toThrow(/user-data-1:2:11: \$public_ipv4 is used here, but has no value/);
    expect(() => substitute('a: "# $public_ipv4"', {})).toThrow(/has no value/);
    expect(() => substitute('$public_ipv4', { public_ipv4: '' })).toThrow(/has no value/);
  });

  it('does not mind it in comments, nor escaped', () => {
    expect(substitute('# use $public_ipv4\na: b # or $public_ipv6\nc: \\$private_ipv6\n', {})).toBe(
      '# use \na: b # or \nc: $private_ipv6\n',
    );
  });

  it('tells comments from uses, however many there are', () => {
    const part = 'a: $public_ipv4 # $public_ipv4\n  # $public_ipv4 $public_ipv4\nb: "# $public_ipv4"\n';
    const missing = missingVariables(part.repeat(5000), {});
    expect(missing).toHaveLength(10_000);
    expect(missing.slice(0, 3).map(({ offset }) => offset)).toEqual([3, part.lastIndexOf('$'), part.length + 3]);
    expect(missingVariables(`a: ${'$public_ipv4 '.repeat(20_000)}# $public_ipv4`, {})).toHaveLength(20_000);
  });

  it('keeps the number of lines', () => {
    const part = fc.oneof(fc.constantFrom('$private_ipv4', '\\', '$', '\n', 'x', '$public_ipv6', '{'), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('');
        expect(substitute(text, VARS).split('\n').length).toBe(text.split('\n').length);
      }),
      { numRuns: runs(1000) },
    );
  });
});
