import TestSequencer from '@jest/test-sequencer';

/** Where a fault comes after the other, or one host after the other gets everything: minutes, however short the file. */
const LONG = /\/(?:crash[^/]*|cloud-config-(?:bytes|cut)|ephemeral)\.test\.ts$/;

/** The longest first, so that nobody waits for one that was begun at the end. */
export default class extends TestSequencer {
  sort(tests) {
    const isLong = ({ path }) => LONG.test(path);
    return [...super.sort(tests)].sort((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}
