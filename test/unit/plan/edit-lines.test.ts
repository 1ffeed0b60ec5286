import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { editLines } from '../../../src/plan/edit-lines.js';
import { runs } from '../cloud-config/support.js';

describe('editLines', () => {
  it('sets the lines of an environment as coreos-cloudinit does, and keeps every other byte', () => {
    const text = '# a file\r\nFOO=base\n\nBAR= hi there\nFOO=twice\nNOT FOO=x\n\xff\n';
    expect(editLines(text, 'environment', { FOO: 'test', NEW: 'a value', ABC: '1' }).text).toBe(
      '# a file\r\nFOO=test\n\nBAR= hi there\nFOO=twice\nNOT FOO=x\n\xff\nABC=1\nNEW=a value\n',
    );
  });

  it('ends a last line that has no end before it adds one, and only then', () => {
    expect(editLines('A=1', 'environment', { B: '2' }).text).toBe('A=1\nB=2\n');
    expect(editLines('A=1', 'environment', { A: '1' }).text).toBe('A=1');
    expect(editLines('', 'environment', { A: '1' }).text).toBe('A=1\n');
  });

  it('sets in update.conf the first line that begins with the key, whatever follows', () => {
    const text = '#GROUP=x\nGROUPS=old\nGROUP=later\nSERVER\n';
    expect(editLines(text, 'update-conf', { GROUP: 'beta', SERVER: 's', REBOOT_STRATEGY: 'off' }).text).toBe(
      '#GROUP=x\nGROUP=beta\nGROUP=later\nSERVER=s\nREBOOT_STRATEGY=off\n',
    );
  });

  it('takes back what it set: to the line that was there, or none; not what somebody has changed since', () => {
    const first = editLines('A=1\nB=2\n', 'environment', { A: 'x', C: 'y', D: 'z' });
    expect(first.text).toBe('A=x\nB=2\nC=y\nD=z\n');
    expect(editLines(first.text, 'environment', {}, first.lines)).toEqual({ text: 'A=1\nB=2\n', lines: {} });
    const changed = first.text.replace('C=y', 'C=mine');
    expect(editLines(changed, 'environment', {}, first.lines).text).toBe('A=1\nB=2\nC=mine\n');
  });

  it('does not take a line for its own that was right before', () => {
    const { lines } = editLines('A=1\n', 'environment', { A: '1' });
    expect(lines).toEqual({});
    expect(editLines('A=1\n', 'environment', {}, lines).text).toBe('A=1\n');
  });

  it('changes nothing the second time, and leads back to where it came from', () => {
    const key = fc.constantFrom('A', 'B', 'AB');
    const value = fc.constantFrom('', '1', 'x y', '=');
    const line = fc.oneof(
      fc.tuple(key, value).map(([k, v]) => `${k}=${v}`),
      fc.constantFrom('', '# c', 'A', '\xe4', 'A=\r'),
    );
    const texts = fc.array(line).map((lines) => lines.map((entry) => `${entry}\n`).join(''));
    const sets = fc.dictionary(key, value);
    fc.assert(
      fc.property(texts, sets, sets, fc.constantFrom('environment', 'update-conf'), (text, one, two, format) => {
        const first = editLines(text, format, one);
        const again = editLines(first.text, format, one, first.lines);
        expect(again).toEqual(first);
        const second = editLines(first.text, format, two, first.lines);
        expect(editLines(second.text, format, two, second.lines)).toEqual(second);
      }),
      { numRuns: runs(1000) },
    );
  });
});
