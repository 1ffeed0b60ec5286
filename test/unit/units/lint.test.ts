import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lintUnit, machineOfLoops } from '../../../src/units/lint.js';
import { unitNameFault, FLEET_SUFFIXES, SYSTEMD_SUFFIXES } from '../../../src/units/unit-name.js';
import { runs } from '../cloud-config/support.js';

const found = (text: string, options: Partial<Parameters<typeof lintUnit>[1]> = {}): string[] =>
  lintUnit(text, { name: 'a.service', ...options }).map(
    ({ rule, severity, line, column }) => `${line}:${column} ${severity} ${rule}`,
  );
const service = (...lines: string[]): string => `[Service]\n${lines.join('\n')}\n`;

/** The seed chapter's two units. */
const EXAMPLE = `[Unit]
Description=Example
After=docker.service
Requires=docker.service

[Service]
TimeoutStartSec=0
ExecStartPre=-/usr/bin/docker kill busybox1
ExecStartPre=-/usr/bin/docker rm busybox1
ExecStartPre=/usr/bin/docker pull busybox
ExecStart=/usr/bin/docker run --name busybox1 busybox /bin/sh -c "while true; do echo Hello World; sleep 1; done"
ExecStop=/usr/bin/docker stop busybox1
`;
const REDIS = `[Unit]
Description=My redis Frontend
After=docker.service
Requires=docker.service

[Service]
TimeoutStartSec=0
ExecStartPre=-/usr/bin/docker kill redis
ExecStartPre=-/usr/bin/docker rm redis
ExecStartPre docker pull dockerfile/redis
ExecStart docker run -d --name redis -p 6379:6379 dockerfile/redis
ExecStop=/usr/bin/docker stop redis

[X-Fleet]
Conflicts=redis@*.service
`;

describe("the seed's units", () => {
  it('finds nothing in the example', () => {
    expect(found(EXAMPLE, { name: 'example.service', fleet: true })).toEqual([]);
  });

  it('finds both faults of redis', () => {
    expect(found(REDIS, { name: 'redis@1.service', fleet: true })).toEqual([
      '10:1 error missing-equals',
      '10:14 warning relative-command',
      '11:1 error missing-equals',
      '11:11 warning relative-command',
      '11:11 warning docker-detached',
    ]);
  });

  it('says what to write', () => {
    const [first] = lintUnit(REDIS, { name: 'redis@1.service' });
    expect(first?.message).toMatch(/"=" is missing after ExecStartPre/);
    expect(first?.hint).toBe('Write "ExecStartPre=docker pull dockerfile/redis".');
  });
});

describe('rules', () => {
  it.each<[string, string, string[]]>([
    ['an unknown section', '[Servise]\nType=simple\n', ['1:1 warning unknown-section', '1:1 error no-exec-start']],
    [
      'a section of another type',
      service('ExecStart=/bin/a') + '[Socket]\nAccept=yes\n',
      ['3:1 warning unknown-section'],
    ],
    ['an unknown key', service('ExecStart=/bin/a', 'ExecStrat=/bin/b'), ['3:1 warning unknown-key']],
    ['an X- key', service('ExecStart=/bin/a', 'X-Mine=1'), []],
    ['text before the first section', 'A=b\n' + service('ExecStart=/bin/a'), ['1:1 error outside-section']],
    ['a wrong type', service('Type=fork', 'ExecStart=/bin/a'), ['2:6 error wrong-type']],
    ['a relative path', service('ExecStart=-bin/a'), ['2:12 error relative-command']],
    ['a bare name', service('ExecStart=sleep 5'), ['2:11 warning relative-command']],
    ['two commands', service('ExecStart=/bin/a', 'ExecStart=/bin/b'), ['3:1 error several-exec-start']],
    ['two commands of a oneshot', service('Type=oneshot', 'ExecStart=/bin/a', 'ExecStart=/bin/b'), []],
    ['a command that is reset', service('ExecStart=/bin/a', 'ExecStart=', 'ExecStart=/bin/b'), []],
    ['no command', service('Type=simple'), ['1:1 error no-exec-start']],
    [
      'a detached container',
      service('ExecStart=/usr/bin/docker run --rm --name=x -d y'),
      ['2:11 warning docker-detached'],
    ],
    ['-d behind the image', service('ExecStart=/usr/bin/docker run --name x y -d'), []],
    ['-d as a value', service('ExecStart=/usr/bin/docker run -e -d y'), []],
    ['a detached oneshot', service('Type=oneshot', 'ExecStart=/usr/bin/docker run -d y'), []],
    ['a PID file', service('ExecStart=/bin/a', 'PIDFile=/run/a'), ['3:1 warning pid-file']],
    ['a PID file of a forking service', service('Type=forking', 'ExecStart=/bin/a', 'PIDFile=/run/a'), []],
    ['a bus name', service('Type=simple', 'ExecStart=/bin/a', 'BusName=a.b'), ['4:1 warning bus-name']],
    ['dbus without bus name', service('Type=dbus', 'ExecStart=/bin/a'), ['2:6 error bus-name']],
    [
      'a oneshot that restarts',
      service('Type=oneshot', 'Restart=always', 'ExecStart=/bin/a'),
      ['3:9 error restart-oneshot'],
    ],
    [
      'white space behind a backslash',
      service('ExecStart=/bin/a \\ ', '  b'),
      ['2:18 warning broken-continuation', '3:3 error missing-equals'],
    ],
    [
      'Global with other keys',
      service('ExecStart=/bin/a') + '[X-Fleet]\nGlobal=true\nMachineMetadata=a=b\nMachineOf=b.service\n',
      ['6:1 error fleet-global'],
    ],
    [
      'Global that is taken back, and with Conflicts, which fleet 1.0 allows',
      service('ExecStart=/bin/a') + '[X-Fleet]\nGlobal=true\nGlobal=false\nMachineOf=b.service\nConflicts=c.service\n',
      [],
    ],
    [
      'what fleet refuses together',
      service('ExecStart=/bin/a') +
        '[X-Fleet]\nMachineID=abc\nMachineOf=b.service\nConflicts=c.service\nReplaces=d.service\n',
      [
        '5:1 error fleet-refused-together',
        '6:1 error fleet-refused-together',
        '7:1 error fleet-refused-together',
        '7:1 error fleet-refused-together',
      ],
    ],
    [
      'a second MachineID',
      service('ExecStart=/bin/a') + '[X-Fleet]\nMachineID=abc\nMachineID=def\n',
      ['5:11 warning fleet-machine-id'],
    ],
    [
      'several units in one MachineOf, and a pattern',
      service('ExecStart=/bin/a') +
        '[X-Fleet]\nMachineOf=b.service c.service\nMachineOf=d@*.service\nMachineOf="e.service" "f.service"\n',
      ['4:11 error fleet-machine-of', '5:11 error fleet-machine-of'],
    ],
    [
      'a contradiction',
      service('ExecStart=/bin/a') + '[X-Fleet]\nMachineOf=b.service\nConflicts=*.service\n',
      ['4:11 error fleet-contradiction'],
    ],
    [
      'a unit against itself',
      service('ExecStart=/bin/a') + '[X-Fleet]\nConflicts=%p.service\n',
      ['4:11 warning fleet-contradiction'],
    ],
    [
      'a unit beside itself',
      service('ExecStart=/bin/a') + '[X-Fleet]\nMachineOf=%n\n',
      ['4:11 error fleet-machine-of-loop'],
    ],
    [
      'an unknown fleet key',
      service('ExecStart=/bin/a') + '[X-Fleet]\nConflict=b.service\n',
      ['4:1 error unknown-key'],
    ],
    [
      'an old fleet key',
      service('ExecStart=/bin/a') + '[X-Fleet]\nX-ConditionMachineOf=b.service\n',
      ['4:1 warning fleet-old-key'],
    ],
    [
      'metadata without =',
      service('ExecStart=/bin/a') + '[X-Fleet]\nMachineMetadata=ssd\n',
      ['4:17 warning fleet-metadata'],
    ],
    [
      'metadata that fleet passes over',
      service('ExecStart=/bin/a') +
        '[X-Fleet]\nMachineMetadata=disk=\nMachineMetadata=a=b c=d\nMachineMetadata="a=b" "c=d"\n',
      ['4:17 warning fleet-metadata', '5:17 warning fleet-metadata'],
    ],
  ])('%s', (_name, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('leaves drop-ins incomplete and network files alone', () => {
    expect(found('[Service]\nEnvironment=A=b\n', { dropIn: true })).toEqual([]);
    expect(found('[Match]\nName=eth0\n[Network]\nDHCP=yes\n', { name: '10-eth0.network' })).toEqual([]);
  });

  it('finds circles of MachineOf', () => {
    const unit = (name: string, of: string): { name: string; text: string } => ({
      name,
      text: `[X-Fleet]\nMachineOf=${of}\n`,
    });
    const loops = machineOfLoops([
      unit('a.service', 'b.service'),
      unit('b.service', 'c.service'),
      unit('c.service', 'a.service'),
      unit('d.service', 'a.service'),
    ]);
    expect(loops.map(({ unit: name }) => name)).toEqual(['a.service', 'b.service', 'c.service']);
    expect(loops[0]?.message).toContain('a.service → b.service → c.service → a.service');
  });

  it('never fails', () => {
    const words = fc.constantFrom(
      '[Service]',
      '[X-Fleet]',
      'ExecStart',
      '=',
      '/usr/bin/docker run',
      '-d',
      '\n',
      '\\\n',
      'Conflicts=*[',
      'MachineOf=%n',
      'Type=',
      ' ',
      'PIDFile',
      '#',
    );
    const text = fc.array(fc.oneof(words, fc.string()), { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.string(), (source, name) => {
        for (const { line, column } of lintUnit(source, { name, fleet: true })) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      }),
      { numRuns: runs(2000) },
    );
  });
});

describe('unit names', () => {
  it.each(['redis.service', 'redis@.service', 'redis@1.service', 'a:b_c.d-e@f@g.timer', 'dev-disk\\x2d1.device'])(
    'takes %s',
    (name) => {
      expect(unitNameFault(name, SYSTEMD_SUFFIXES)).toBeUndefined();
    },
  );

  it.each([
    ['', /empty/],
    ['redis', /no suffix/],
    ['@1.service', /nothing before/],
    ['.service', /nothing before/],
    ['a b.service', /" " is not allowed/],
    ['a/b.service', /"\/" is not allowed/],
    ['a.target', /\.target is no type/],
    [`${'a'.repeat(250)}.service`, /longer/],
  ])('refuses %j', (name, why) => {
    expect(unitNameFault(name, FLEET_SUFFIXES)).toMatch(why);
  });
});
