import { describe, expect, it } from '@jest/globals';
import { interruptedAt } from '../../../src/actions/interrupted.js';
import type { Step } from '../../../src/plan/step.js';

const step = (kind: 'record' | 'daemon-reload'): Step => ({ kind, target: '', reason: '' }) as Step;
const plan = { apply: [step('record'), step('daemon-reload'), step('daemon-reload')], finish: [step('daemon-reload')] };
const host = (name: string, changes: number) => ({ name, changes, planned: true, plan });
const early = {
  name: 'core-01',
  changes: 0,
  planned: false,
  get plan(): never {
    throw new Error('there is no plan yet');
  },
};

describe('interruptedAt', () => {
  it.each([
    ['before a plan', { booted: [], hosts: [early], services: 0 }, 'interrupted before anything was changed'],
    ['after the boot', { booted: ['core-01'], hosts: [early], services: 0 }, 'interrupted; core-01 booted'],
    [
      'amid the steps, without those that only keep the books',
      { booted: [], hosts: [host('core-01', 3), host('core-02', 0)], services: 0 },
      'interrupted; core-01: 3 of 3 changes made; core-02: 0 of 3 changes made',
    ],
    [
      'where only services change',
      { booted: [], hosts: [{ ...host('core-01', 0), plan: { apply: [], finish: [] } }], services: 1 },
      'interrupted; 1 change made to services',
    ],
  ])('tells what was done %s, and how to go on', (_, done, message) => {
    const error = interruptedAt(done);
    expect(error).toMatchObject({ message, exitCode: 130, hint: 'Run the same command again: it does what is left.' });
  });
});
