import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBase } from '../../../src/actions/base.js';
import { apiVersionFor } from '../../../src/actions/etcdctl-api.js';
import { commandLine } from '../../../src/actions/exec.js';
import { init } from '../../../src/actions/init.js';
import { LineCollector } from '../../../src/actions/line-collector.js';
import { staticDiscovery } from '../../../src/discovery/static.js';
import { temporary } from '../plan/support.js';

describe('apiVersionFor', () => {
  it.each([
    ['cluster-health', '2'],
    ['ls /', '2'],
    ['--peers http://a:2379 member list', '2'],
    ['--peers=http://a:2379 member list', '2'],
    ['-C http://a:2379 get /x', '2'],
    ['-o extended get /x', '2'],
    ['--endpoints http://a:2379 ls /', '2'],
    ['--debug mk /x y', '2'],
    ['put greeting hello', '3'],
    ['member list', '3'],
    ['member update 1234 --peer-urls=http://a:2380', '3'],
    ['put set ls', '3'],
    ['get rm', '3'],
    ['get -o x', '3'],
    ['--endpoints http://a:2379 put ls x', '3'],
    ['-w table endpoint status', '3'],
    ['--write-out=json get x', '3'],
    ['role grant-permission update', '3'],
    ['--help', '3'],
    ['', '3'],
  ])('%s is for API %s', (line, api) => {
    expect(apiVersionFor(line.split(' ').filter((word) => word !== ''))).toBe(api);
  });
});

describe('LineCollector', () => {
  it('hands on the same lines, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.array(fc.nat(20)), fc.boolean(), (texts, cuts, open) => {
        const lines = texts.map((text) => Buffer.from(text.replaceAll('\n', ' ')).toString());
        const whole = Buffer.from(lines.map((line) => `${line}\n`).join('') + (open ? 'rest é' : ''));
        const seen: string[] = [];
        const collector = new LineCollector((line) => seen.push(line));
        let at = 0;
        for (const cut of [...cuts, whole.length]) {
          collector.write(whole.subarray(at, at + cut));
          at += cut;
        }
        expect(collector.finish()).toBe(whole.toString());
        expect(seen).toEqual(open ? [...lines, 'rest é'] : lines);
      }),
    );
  });
});

describe('commandLine', () => {
  it('takes one word for a shell command line, and several for a program and its arguments', () => {
    expect(commandLine(['ls *.txt | wc'])).toBe('ls *.txt | wc');
    expect(commandLine(['echo', 'a b', "it's", '*'])).toBe(`echo 'a b' 'it'\\''s' '*'`);
    expect(commandLine([])).toBe('');
  });
});

describe('readBase', () => {
  it('takes the template of the discovery mode where the user has no file', () => {
    expect(readBase(undefined, staticDiscovery)).toMatchObject({ kind: 'template', file: 'templates/static.hbs' });
  });

  it('tells templates from cloud-configs by their names', () => {
    const directory = temporary();
    for (const name of ['user-data', 'user-data.hbs']) writeFileSync(join(directory, name), '#cloud-config\n');
    expect(readBase(join(directory, 'user-data'), staticDiscovery).kind).toBe('cloud-config');
    expect(readBase(join(directory, 'user-data.hbs'), staticDiscovery).kind).toBe('template');
  });

  it.each<[string, (path: string) => void, string]>([
    ['is not there', () => undefined, 'ENOENT'],
    ['is a directory', (path) => mkdirSync(path), 'EISDIR'],
    ['is not UTF-8', (path) => writeFileSync(path, Buffer.from([0x23, 0xff, 0xfe])), 'not UTF-8'],
  ])('refuses a file that %s (exit code 2)', (_, make, reason) => {
    const path = join(temporary(), 'user-data');
    make(path);
    expect(() => readBase(path, staticDiscovery)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining(reason),
        hint: expect.stringMatching(/\w/),
      }),
    );
  });
});

describe('init', () => {
  it('writes a project to start from, and nothing on the second time', async () => {
    const directory = join(temporary(), 'new', 'my cluster');
    const first = await init(directory);
    expect(first.directory).toBe(directory);
    expect(first.kept).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual([...first.written].sort());
    expect(first.written).toEqual(expect.arrayContaining(['config.ts', 'user-data', '.gitignore']));
    const before = first.written.map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(await init(directory)).toEqual({ directory, written: [], kept: first.written });
    expect(first.written.map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(before);
  });

  it('overwrites nothing, and adds to .gitignore only the lines it lacks', async () => {
    const directory = temporary();
    writeFileSync(join(directory, 'config.ts'), 'mine');
    writeFileSync(join(directory, '.gitignore'), 'node_modules\n.coreup/', { mode: 0o640 });
    const { written, kept } = await init(directory);
    expect(kept).toContain('config.ts');
    expect(written).toContain('.gitignore');
    expect(readFileSync(join(directory, 'config.ts'), 'utf8')).toBe('mine');
    const lines = readFileSync(join(directory, '.gitignore'), 'utf8').split('\n');
    expect(lines.slice(0, 2)).toEqual(['node_modules', '.coreup/']);
    expect(lines.filter((line) => line === '.coreup/')).toHaveLength(1);
    expect(lines.at(-1)).toBe('');
    expect(statSync(join(directory, '.gitignore')).mode & 0o777).toBe(0o640);
  });

  it('says where it cannot write', async () => {
    const directory = temporary();
    writeFileSync(join(directory, 'file'), '');
    await expect(init(join(directory, 'file'))).rejects.toMatchObject({ message: expect.stringContaining('file') });
  });
});
