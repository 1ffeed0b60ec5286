import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Project } from '../../../src/actions/project.js';
import { loadServices } from '../../../src/actions/services.js';
import { ownerOf, unitText } from '../../../src/fleet/unit-options.js';
import { InputError } from '../../../src/util/errors.js';
import { temporary } from '../plan/support.js';

type Service = Project['config']['services'][number];

const SLEEP = '[Service]\nExecStart=/bin/sleep infinity\n';

function load(files: Readonly<Record<string, string | Buffer>>, ...services: Partial<Service>[]) {
  const directory = temporary();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const config = {
    services: services.map((service) => ({
      state: 'launched' as const,
      ...service,
      unit: join(directory, service.unit ?? Object.keys(files)[0] ?? ''),
    })),
  };
  return loadServices({ config, cluster: { name: 'c', members: [] } } as unknown as Project);
}

function refusal(...args: Parameters<typeof load>): InputError {
  try {
    load(...args);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('services of config.ts', () => {
  it('are units with the mark of the cluster and the wanted state', () => {
    const [unit] = load({ 'a.service': SLEEP }, { state: 'loaded' });
    expect(unit).toMatchObject({ name: 'a.service', target: 'loaded' });
    expect(ownerOf(unit?.options ?? [])).toBe('c');
  });

  it('are one unit for each instance, filled in with vars', () => {
    const text = '[Unit]\nDescription={{what}} {{n}}\n[Service]\nExecStart=/bin/echo %i\n';
    const units = load({ 'r@.service.hbs': text }, { instances: [1, 'b'], vars: { what: 'a & b', n: 7 } });
    expect(units.map(({ name }) => name)).toEqual(['r@1.service', 'r@b.service']);
    expect(unitText(units[0]?.options ?? [])).toMatch(/^\[Unit\]\nDescription=a & b 7\n/);
  });

  it.each<[string, Parameters<typeof load>, RegExp]>([
    ['a template without instances', [{ 'r@.service': SLEEP }, {}], /r@\.service is a template/],
    ['instances of no template', [{ 'r.service': SLEEP }, { instances: [1] }], /r\.service is no template/],
    ['a name against the grammar', [{ 'a b.service': SLEEP }, {}], /"a b\.service" is no name for a unit of fleet/],
    ['a type that fleet does not run', [{ 'a.slice': SLEEP }, {}], /is no name for a unit of fleet/],
    ['a name that is too long', [{ 'r@.service': SLEEP }, { instances: ['x'.repeat(260)] }], /longer than 255/],
    [
      'a file that is not there',
      [{}, { unit: 'a.service' }],
      /services\[0\]\.unit is .*a\.service: there is no such file/,
    ],
    ['a file that is not text', [{ 'a.service': Buffer.from([0xff, 0xfe]) }, {}], /is not UTF-8 text/],
    ['vars for what is no template', [{ 'a.service': SLEEP }, { vars: { a: 1 } }], /has vars, but .* is no template/],
    ['a variable that is not given', [{ 'a.service.hbs': '{{b}}' }, { vars: { a: 1 } }], /there is no variable "b"/],
    ['a mistake', [{ 'a.service': '[Service]\nExecStart /bin/true\n' }, {}], /a\.service:2:1: "=" is missing/],
    ['an empty file', [{ 'a.service': '' }, {}], /a\.service:1:1: /],
    [
      'a line that fleet does not read',
      [{ 'a.service': `${SLEEP}Environment=A=${'x'.repeat(2050)}\n` }, {}],
      /a\.service:3:1: a line has more than 2047 bytes/,
    ],
    [
      'units that wait for each other',
      [
        {
          'a.service': `${SLEEP}[X-Fleet]\nMachineOf=b.service\n`,
          'b.service': `${SLEEP}[X-Fleet]\nMachineOf=a.service\n`,
        },
        { unit: 'a.service' },
        { unit: 'b.service' },
      ],
      /MachineOf goes in a circle/,
    ],
    [
      'one unit twice',
      [{ 'a.service': SLEEP, 'u/a.service': SLEEP }, { unit: 'a.service' }, { unit: 'u/a.service' }],
      /have a\.service twice/,
    ],
  ])('are refused for %s', (_, args, message) => {
    const error = refusal(...args);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(/./);
  });

  it('may be a thousand', () => {
    const instances = Array.from({ length: 1000 }, (_, index) => index);
    expect(load({ 'r@.service': SLEEP }, { instances })).toHaveLength(1000);
  });
});
