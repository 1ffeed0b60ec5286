import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../../src/util/nearest.js';

describe('nearest', () => {
  const known = ['num_instances', 'etcd', 'ssh', 'tls', 'data_dir', 'drop-ins', 'ExecStart'];
  it.each([
    ['num_instance', 'num_instances'],
    ['numInstances', 'num_instances'],
    ['num-instances', 'num_instances'],
    ['NUM_INSTNACES', 'num_instances'],
    ['datadir', 'data_dir'],
    ['shs', 'ssh'],
    ['dropIns', 'drop-ins'],
    ['execstart', 'ExecStart'],
    ['colour', undefined],
    ['x', undefined],
  ])('%s → %s', (name, wanted) => {
    expect(nearest(name, known)).toBe(wanted);
  });
});
