import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import { Secrets } from './lab/secrets.js';
import type { StatusDocument } from './lab/shapes.js';
import { onTerminal, timesIn } from './lab/terminal.js';

const PASSPHRASE = 'of the authority 41d7';
const WRONG = 'of another one 9b02';
const QUESTION = 'Passphrase of the certificate authority';

describe('an authority whose key has a passphrase', () => {
  let project: TestProject;
  const pki = (...names: string[]) => join(project.directory, '.coreup', 'pki', ...names);
  const authority = () => readFileSync(pki('ca.pem'), 'utf8');
  /** All that is in .coreup/pki, as it is. */
  const everything = () =>
    Object.fromEntries(
      readdirSync(pki(), { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path, readFileSync(path, 'utf8')]),
    );
  const healthy = async () => (await project.json<StatusDocument>(['status'])).healthy;
  /** A command that is asked for the passphrase once; nothing of it shows. */
  const withPassphrase = async (args: readonly string[]): Promise<void> => {
    const { code, text } = await onTerminal(project, args, [[new RegExp(QUESTION), PASSPHRASE]]);
    expect([args, timesIn(text, QUESTION)]).toEqual([args, 1]);
    expect({ code, text: code === 0 ? '' : text }).toEqual({ code: 0, text: '' });
    const secrets = new Secrets({ passphrase: PASSPHRASE });
    expect(secrets.inText('terminal', text)).toEqual([]);
    expect(await secrets.inFiles(join(project.directory, '.coreup'))).toEqual([]);
    expect(await healthy()).toBe(true);
  };

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-ca', num_instances: 1, provider: { kind: 'local', suite: 'trixie' } }`,
    );
    const file = join(project.dataDir, 'passphrase');
    await writeFile(file, `${PASSPHRASE}\n`, { mode: 0o600 });
    const { code, stderr } = await project.coreup(['up'], { env: { COREUP_CA_PASSPHRASE_FILE: file } });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });
  afterAll(() => project.dispose());

  it('is kept encrypted, and an up that makes no certificate asks for nothing', async () => {
    expect(authority()).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    const { code, text } = await onTerminal(project, ['up'], []);
    expect({ code, asked: timesIn(text, QUESTION) }).toEqual({ code: 0, asked: 0 });
  });

  it('refuses three wrong passphrases, and a run without a terminal, with nothing changed', async () => {
    const before = everything();
    const wrong = [new RegExp(QUESTION), WRONG] as const;
    const { code, text } = await onTerminal(project, ['certs', 'renew', '--yes'], [wrong, wrong, wrong]);
    expect(code).toBe(1);
    expect(timesIn(text, QUESTION)).toBe(3);
    expect(timesIn(text, 'That is not it.')).toBe(2);
    expect(text.replace(/\s+/g, ' ')).toContain('the right one was not given');
    const blind = await project.coreup(['certs', 'renew', '--yes']);
    expect(blind.code).toBe(1);
    expect(blind.stderr).toContain('COREUP_CA_PASSPHRASE_FILE');
    expect(everything()).toEqual(before);
    expect(new Secrets({ wrong: WRONG }).inText('terminal', text)).toEqual([]);
    expect(await healthy()).toBe(true);
  });

  it('asks once for an up that makes certificates anew', async () => {
    const certificate = pki('members', 'core-01', 'server.pem');
    const before = readFileSync(certificate, 'utf8');
    await rm(certificate);
    await withPassphrase(['up', '--yes']);
    expect(readFileSync(certificate, 'utf8')).not.toBe(before);
  });

  it('asks once for certs renew', () => withPassphrase(['certs', 'renew', '--yes']));

  it('asks once for certs rotate, and the next authority has the same passphrase', async () => {
    const before = authority();
    await withPassphrase(['certs', 'rotate', '--yes']);
    expect(authority()).not.toBe(before);
    expect(authority()).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    await withPassphrase(['certs', 'renew', '--yes']);
  });
});
