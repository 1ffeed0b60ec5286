import { describe, expect, it } from '@jest/globals';
import { lockMessages } from '../../../src/plan/lock-script.js';

describe('lockMessages', () => {
  it.each([
    ['nothing yet', '', []],
    ['one that is not whole', 'taken\x1fboot', []],
    ['one', 'taken\x1fboot\n\x1e', [{ word: 'taken', text: 'boot\n' }]],
    [
      'several, the last cut off',
      'waiting\x1f\x1ewaited\x1fboot\n{}\x1ehel',
      [
        { word: 'waiting', text: '' },
        { word: 'waited', text: 'boot\n{}' },
      ],
    ],
  ])('reads %s', (_, heard, messages) => {
    expect(lockMessages(heard)).toEqual(messages);
  });
});
