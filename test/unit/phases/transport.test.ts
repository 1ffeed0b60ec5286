import { describe, expect, it } from '@jest/globals';
import { moveOrder } from '../../../src/phases/transport.js';

describe('the order in which members get their new peer URLs', () => {
  const member = (name: string, told: boolean, restarts: boolean) => ({ name, told, restarts });
  const names = (members: readonly { name: string }[]) => members.map(({ name }) => name);

  it('is that of the members', () => {
    expect(names(moveOrder([member('a', false, true), member('b', false, true)]))).toEqual(['a', 'b']);
  });

  it('begins with one that was left half-way: its peers know a URL at which it does not listen yet', () => {
    expect(names(moveOrder([member('a', false, true), member('b', true, true), member('c', true, false)]))).toEqual([
      'b',
      'a',
    ]);
  });

  it('leaves nobody out who restarted before its peers were told', () => {
    expect(names(moveOrder([member('a', false, false), member('b', true, false)]))).toEqual(['a']);
  });

  it('is empty where all have moved', () => {
    expect(moveOrder([member('a', true, false)])).toEqual([]);
  });
});
