import { afterAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkUnits } from '../../../src/actions/check-units.js';

const directory = mkdtempSync(join(tmpdir(), 'coreup-units-'));
afterAll(() => rmSync(directory, { recursive: true }));
const write = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
const silent = (): Promise<[]> => Promise.resolve([]);

it("adds systemd's findings where the linter has none on that line, as warnings", async () => {
  const file = write('a.service', '[Service]\nExecStart=/bin/a\nNice=abc\nTypo=1\n');
  const issues = await checkUnits([file], () =>
    Promise.resolve([
      { path: file, line: 3, message: 'Failed to parse nice priority' },
      { path: file, line: 4, message: 'Unknown key' },
      { path: file, line: null, message: 'Refusing.' },
    ]),
  );
  expect(issues.map(({ line, severity, rule }) => `${line} ${severity} ${rule}`)).toEqual([
    'null warning systemd-analyze',
    '3 warning systemd-analyze',
    '4 warning unknown-key',
  ]);
});

it('looks at all units of fleet together, and has an X-Fleet section for the sign of one', async () => {
  const unit = (other: string): string => `[Service]\nExecStart=/bin/a\n[X-Fleet]\nMachineOf=${other}\n`;
  const issues = await checkUnits(
    [write('x.service', unit('y.service')), write('y.service', unit('x.service'))],
    silent,
  );
  expect(issues.map(({ rule, line }) => `${line} ${rule}`)).toEqual([
    '4 fleet-machine-of-loop',
    '4 fleet-machine-of-loop',
  ]);
});

it('tells a byte that is not UTF-8 with its line', async () => {
  const file = write('b.service', Buffer.from('[Service]\nExecStart=/bin/\xe9\n', 'latin1'));
  expect(await checkUnits([file], silent)).toMatchObject([{ line: 2, severity: 'error', rule: 'unit-encoding' }]);
});
