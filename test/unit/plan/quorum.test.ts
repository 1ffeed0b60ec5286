import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { quorum, rollOut, strength, type Voter } from '../../../src/plan/quorum.js';

/** `u` works, `d` is down; upper case: its etcd is restarted or started. */
function cluster(letters: string): Voter[] {
  return letters.split('').map((letter, index) => ({
    name: `core-0${index + 1}`,
    up: letter.toLowerCase() === 'u',
    restarts: letter !== letter.toLowerCase(),
  }));
}

const order = (letters: string): string[][] =>
  rollOut(cluster(letters)).stages.map(({ members }) => members.map((name) => name.slice(-1)));

describe('rollOut', () => {
  it.each<[string, string, string[][], string]>([
    ['nothing restarts', 'uuu', [], 'safe'],
    ['a new cluster starts all at once', 'DDD', [['1', '2', '3']], 'safe'],
    ['three roll one at a time', 'UUU', [['1'], ['2'], ['3']], 'safe'],
    ['one that is down is mended first', 'UDu', [['2'], ['1']], 'safe'],
    ['all that are down are mended at once', 'DUDUu', [['1', '3'], ['2'], ['4']], 'safe'],
    ['one of five may stay down', 'Udu' + 'uu', [['1']], 'safe'],
    ['of three none may', 'Udu', [['1']], 'refused'],
    ['of five no two may', 'Uddu' + 'u', [['1']], 'refused'],
    ['of four none may', 'Uduu', [['1']], 'refused'],
    ['one alone cannot be spared', 'U', [['1']], 'interrupts'],
    ['nor one of two', 'Uu', [['1']], 'interrupts'],
    ['a lost quorum cannot be broken', 'Udd', [['1']], 'safe'],
    ['where there is none, all come at once', 'UDd', [['1', '2']], 'safe'],
  ])('%s', (_, letters, stages, verdict) => {
    expect(order(letters)).toEqual(stages);
    expect(rollOut(cluster(letters)).verdict).toBe(verdict);
  });

  it('counts before, during and after each stage', () => {
    expect(rollOut(cluster('UDu')).stages).toEqual([
      {
        members: ['core-02'],
        before: { voters: 3, up: 2, quorum: 2, tolerates: 0 },
        during: { voters: 3, up: 2, quorum: 2, tolerates: 0 },
        after: { voters: 3, up: 3, quorum: 2, tolerates: 1 },
      },
      {
        members: ['core-01'],
        before: { voters: 3, up: 3, quorum: 2, tolerates: 1 },
        during: { voters: 3, up: 2, quorum: 2, tolerates: 0 },
        after: { voters: 3, up: 3, quorum: 2, tolerates: 1 },
      },
    ]);
  });

  it('says who is mended, who rolls, and who stays down', () => {
    expect(rollOut(cluster('UDduu'))).toMatchObject({ mended: ['core-02'], rolled: ['core-01'], lost: ['core-03'] });
  });
});

const voters = fc
  .array(fc.record({ up: fc.boolean(), restarts: fc.boolean() }), { minLength: 1, maxLength: 7 })
  .map((states) => states.map((state, index): Voter => ({ name: `m${index}`, ...state })));

/** Plays stages on the voters themselves. @returns how many were up at each moment */
function play(all: readonly Voter[], stages: readonly (readonly string[])[]): number[] {
  const up = new Set(all.filter((voter) => voter.up).map(({ name }) => name));
  return stages.flatMap((members) => {
    const before = up.size;
    for (const name of members) up.delete(name);
    const during = up.size;
    for (const name of members) up.add(name);
    return [before, during, up.size];
  });
}

function* permutations<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.filter((_, at) => at !== index))) yield [item, ...rest];
  }
}

describe('rollOut, for any cluster', () => {
  it('never goes below a quorum that was there, in an order that it accepts', () => {
    fc.assert(
      fc.property(voters, (all) => {
        const { stages, verdict } = rollOut(all);
        const least = quorum(all.length);
        const counts = play(
          all,
          stages.map(({ members }) => members),
        );
        // What it says of each moment is what happens.
        expect(stages.flatMap(({ before, during, after }) => [before.up, during.up, after.up])).toEqual(counts);
        const had = counts.findIndex((count) => count >= least);
        const broken = had !== -1 && counts.slice(had).some((count) => count < least);
        if (verdict === 'safe') expect(broken).toBe(false);
        else expect(broken).toBe(true);
      }),
    );
  });

  it('refuses only what no order could do, and never for a cluster that has nothing to spare at its best', () => {
    fc.assert(
      fc.property(
        voters.filter((all) => all.filter(({ restarts }) => restarts).length <= 6),
        (all) => {
          const { verdict } = rollOut(all);
          const least = quorum(all.length);
          const moving = all.filter(({ restarts }) => restarts).map(({ name }) => name);
          const possible = [...permutations(moving)].some((names) => {
            const counts = play(
              all,
              names.map((name) => [name]),
            );
            const had = counts.findIndex((count) => count >= least);
            return had === -1 || counts.slice(had).every((count) => count >= least);
          });
          expect(verdict === 'safe').toBe(possible);
          if (verdict === 'refused') expect(all.length - 1).toBeGreaterThanOrEqual(least);
          if (verdict === 'interrupts') expect(all.length - 1).toBeLessThan(least);
        },
      ),
    );
  });

  it('restarts everyone whose change asks for it exactly once', () => {
    fc.assert(
      fc.property(voters, (all) => {
        const moved = rollOut(all).stages.flatMap(({ members }) => members);
        expect([...moved].sort()).toEqual(
          all
            .filter(({ restarts }) => restarts)
            .map(({ name }) => name)
            .sort(),
        );
      }),
    );
  });
});

describe('strength', () => {
  it.each([
    [1, 1, 1, 0],
    [2, 2, 2, 0],
    [3, 3, 2, 1],
    [4, 4, 3, 1],
    [5, 4, 3, 1],
    [5, 1, 3, 0],
  ])('of %i voters with %i up: a quorum of %i, and it tolerates %i', (size, up, least, tolerates) => {
    expect(strength(size, up)).toEqual({ voters: size, up, quorum: least, tolerates });
  });
});
