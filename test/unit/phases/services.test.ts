import { describe, expect, it } from '@jest/globals';
import type { ServiceUnit } from '../../../src/fleet/services.js';
import type { Placement } from '../../../src/fleet/schedule.js';
import { refuseUnplaceable } from '../../../src/phases/services.js';

const unplaceable = (unit: string): Placement => ({ kind: 'unplaceable', unit, reason: 'no gpu', refusals: new Map() });
const wanted = (count: number): ServiceUnit[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `gpu@${index}.service`,
    file: 'gpu@.service',
    options: [],
    target: 'launched',
  }));

describe('units that no machine can run', () => {
  it.each([
    [1, 1],
    [10, 10],
    [1000, 11],
  ])('are refused: %i in %i lines', (count, lines) => {
    const units = wanted(count);
    const placements = units.map(({ name }) => unplaceable(name));
    expect(() => refuseUnplaceable(units, placements)).toThrow(
      expect.objectContaining({
        code: 'SERVICE_UNPLACEABLE',
        exitCode: 2,
        message: expect.stringMatching(/^gpu@0\.service \(gpu@\.service\) can run nowhere: no gpu/),
      }),
    );
    try {
      refuseUnplaceable(units, placements);
    } catch (error) {
      const told = (error as Error).message.split('\n');
      expect(told).toHaveLength(lines);
      expect(told.at(-1)).toMatch(count > 10 ? /^and so it is with 990 more$/ : /no gpu$/);
    }
  });

  it('are no concern where they are somebody else’s', () => {
    refuseUnplaceable(wanted(1), [unplaceable('other.service')]);
  });
});
