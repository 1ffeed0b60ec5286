import { describe, expect, it } from '@jest/globals';
import { codeFrame } from '../../../src/util/frame.js';

describe('a code frame', () => {
  it('shows the place with its lines, and the caret below the column', () => {
    expect(codeFrame('a: 1\nb: 2\nc: 3\nd: 4\n', 2, 4)).toBe(
      '  1 | a: 1\n> 2 | b: 2\n    |    ^\n  3 | c: 3\n  4 | d: 4',
    );
  });

  it('hides passwords and their hashes', () => {
    const frame = codeFrame(
      'fleet:\n  etcd-password: hunter2hunter2\nusers:\n  - passwd: "$6$salt$hashhashhash"\n',
      2,
      3,
    );
    expect(frame).toMatch(/^> 2 \| {3}etcd-password: \(hidden\)$/m);
    expect(frame).not.toMatch(/hunter2|hashhash/);
  });

  it('hides a private key also where it begins above the first line that is shown', () => {
    const body = Array.from({ length: 12 }, (_, index) => `    ${String(index).repeat(64).slice(0, 64)}`);
    const text = [
      'key: |',
      '    -----BEGIN RSA PRIVATE KEY-----',
      ...body,
      '    -----END RSA PRIVATE KEY-----',
      'x: 1',
    ];
    expect(codeFrame(text.join('\n'), 10, 1)).not.toMatch(/\d{20}/);
    expect(codeFrame(text.join('\n'), text.length, 1)).toMatch(/x: 1$|x: 1\n/);
  });
});
