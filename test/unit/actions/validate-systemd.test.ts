import { describe, expect, it } from '@jest/globals';
import { systemdFindings } from '../../../src/actions/systemd-analyze.js';

const says =
  (...lines: string[]) =>
  (): Promise<readonly string[]> =>
    Promise.resolve(lines);

describe('what systemd-analyze says', () => {
  it('is taken with its line, and by the name of the unit', async () => {
    const run = says(
      '/x/a.service:8: Failed to parse service restart specifier, ignoring: maybe',
      'a.service: Service has more than one ExecStart= setting. Refusing.',
    );
    expect(await systemdFindings(['/x/a.service'], run)).toEqual([
      { path: '/x/a.service', line: 8, message: 'Failed to parse service restart specifier, ignoring: maybe' },
      { path: '/x/a.service', line: null, message: 'Service has more than one ExecStart= setting. Refusing.' },
    ]);
  });

  it('is left out where it is about this machine, or about other files', async () => {
    const run = says(
      'a.service: Command /usr/bin/docker is not executable: No such file or directory',
      'a.service: Failed to create a.service/start: Unit docker.service not found.',
      'a.service: Unit configuration has fatal error, unit will not be started.',
      'Unit a.service has a bad unit file setting.',
      '/lib/systemd/system/other.service:8: Unknown key',
      'Failed to open /dev/tty0: Permission denied',
      '',
    );
    expect(await systemdFindings(['/x/a.service'], run)).toEqual([]);
  });

  it('is asked for in rounds where two files have one name, and not about what is no unit', async () => {
    const rounds: (readonly string[])[] = [];
    const run = (paths: readonly string[]): Promise<readonly string[]> => {
      rounds.push(paths);
      return Promise.resolve([]);
    };
    await systemdFindings(
      ['/x/a.service', '/y/a.service', '/x/b.timer', '/x/a b.service', '/x/a.service.d/c.conf'],
      run,
    );
    expect(rounds).toEqual([['/x/a.service', '/x/b.timer'], ['/y/a.service']]);
  });

  it('is nothing where the program is not there', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      expect(await systemdFindings(['/x/a.service'])).toEqual([]);
    } finally {
      process.env['PATH'] = path;
    }
  });
});
