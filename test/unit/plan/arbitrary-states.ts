import fc from 'fast-check';
import type { HostState, HostUnit } from '../../../src/cluster/host-state.js';
import { command, EMPTY_STATE, file, ORIGIN, unit, user } from './support.js';

const UNITS = '/etc/systemd/system/';
/** Brought by the distribution. */
export const VENDOR = ['vendor.service', 'etcd2.service'];
export const ONESHOT = ['job.service'];
const OWN = ['app.service', 'job.service', 'redis@.service'];
const COMMANDED = ['vendor.service', 'etcd2.service', 'app.service', 'job.service', 'redis@1.service'];
export const ALL_UNITS = [...new Set([...VENDOR, ...OWN, ...COMMANDED, 'other.service'])];

const content = fc.constantFrom('1\n', '2\n', '3\n');

/** Cloud-configs over few names, so that two of them have much in common. All are such that a host can do them. */
export const states: fc.Arbitrary<HostState> = fc
  .record({
    hostname: fc.constantFrom(null, 'a', 'b'),
    users: fc.subarray(['u', 'v']),
    password: fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
    keys: fc.subarray(['ssh-rsa A', 'ssh-rsa B', 'ssh-rsa C']),
    directory: fc.boolean(),
    paths: fc.array(
      fc.record({ path: fc.constantFrom('/etc/f', '/etc/g'), content, mode: fc.constantFrom(0o644, 0o600) }),
      {
        maxLength: 3,
      },
    ),
    own: fc.subarray(OWN),
    contents: fc.array(content, { minLength: 3, maxLength: 3 }),
    dropIns: fc.dictionary(
      fc.constantFrom('vendor.service', 'etcd2.service', 'app.service', 'redis@1.service'),
      content,
    ),
    enabled: fc.subarray([...VENDOR, 'app.service', 'job.service']),
    masked: fc.subarray(['vendor.service', 'app.service', 'other.service']),
    order: fc.shuffledSubarray(COMMANDED),
    verbs: fc.array(fc.constantFrom('start', 'start', 'stop', 'restart'), { minLength: 5, maxLength: 5 }),
  })
  .map((given): HostState => {
    const exists = (name: string): boolean =>
      [...VENDOR, ...given.own].includes(name.replace('@1', '@')) && !given.masked.includes(name);
    const units: HostUnit[] = [...given.own, ...VENDOR, 'other.service'].map((name) =>
      unit(name, {
        mask: given.masked.includes(name),
        enable: given.enabled.includes(name) && exists(name),
      }),
    );
    return {
      ...EMPTY_STATE,
      hostname: given.hostname,
      users: given.users.map((name) =>
        user(name, given.password === undefined ? {} : { passwordHash: given.password }),
      ),
      authorizedKeys: given.users.map((name) => ({ user: name, keys: given.keys, origin: ORIGIN })),
      directories: given.directory ? [{ path: '/var/data', mode: 0o700, owner: null, origin: ORIGIN }] : [],
      files: [
        ...given.paths.map((entry) => file(entry.path, entry.content, { mode: entry.mode })),
        ...given.own.map((name, index) => file(UNITS + name, given.contents[index])),
        ...Object.entries(given.dropIns).map(([name, text]) => file(`${UNITS}${name}.d/x.conf`, text)),
      ],
      units,
      commands: given.order.filter(exists).map((name, index) => command(given.verbs[index] ?? 'start', name)),
    };
  });
