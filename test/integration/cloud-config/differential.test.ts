import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateCloudConfig } from '../../../src/cloud-config/validate.js';
import { SAMPLES } from '../../fixtures/cloud-configs.js';
import { MISTAKES } from '../../fixtures/mistakes.js';
import { documents } from '../../unit/cloud-config/support.js';

const BINARY = process.env['COREUP_TEST_COREOS_CLOUDINIT'];
const TITLE = 'coreos-cloudinit -validate';
const LEVELS = ['info', 'warning', 'error'];

if (BINARY === undefined) {
  describe(TITLE, () => {
    it.skip('is not compared with: COREUP_TEST_COREOS_CLOUDINIT names no binary of it', () => undefined);
  });
} else {
  describe(TITLE, () => {
    let directory: string;
    let file: string;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'coreup-differential-'));
      file = join(directory, 'user-data');
    });
    afterAll(() => rm(directory, { recursive: true, force: true }));

    /** What it says; it only reads the file. */
    async function theirs(text: string): Promise<{ line: number; level: string; message: string }[]> {
      await writeFile(file, text);
      const { stderr } = await execa(BINARY ?? '', ['-validate', '-from-file', file], { reject: false });
      return [...stderr.matchAll(/ line (\d+): (\w+): (.*)$/gm)].map(([, line, level = '', message = '']) => ({
        line: Number(line),
        level,
        message,
      }));
    }

    async function compare(text: string): Promise<void> {
      const { issues, valid } = validateCloudConfig({ file: 'user-data', text });
      for (const entry of await theirs(text)) {
        // It has lost the place then, and mistakes what it says for it.
        if (entry.line === 0) continue;
        // It names the line before, or the last, for what the YAML parser says.
        const yaml = entry.level === 'error' && !entry.message.startsWith('invalid value');
        const at = issues.filter(({ line }) => line === entry.line).map(({ severity }) => severity);
        // Deprecation is no warning where etcd2 and fleet are what it is all about.
        const level = entry.message.startsWith('deprecated key') ? 'info' : entry.level;
        // Louder is allowed, quieter is not.
        const enough = yaml ? !valid : at.some((severity) => LEVELS.indexOf(severity) >= LEVELS.indexOf(level));
        expect({ text, entry, at, enough }).toEqual({ text, entry, at, enough: true });
      }
    }

    it.each(SAMPLES)('finds nothing in "$name" that coreup does not find', ({ text }) => compare(text));

    it.each(MISTAKES)('%j', async (text, error) => {
      await compare(text);
      const found = await theirs(text);
      const { valid } = validateCloudConfig({ file: 'user-data', text });
      expect({ valid, theirs: found.some(({ level }) => level === 'error') }).toEqual({
        valid: error === 'neither',
        theirs: error === 'both',
      });
    });

    // It looks for keys by their text, so in odd documents its lines are not those of the keys.
    it('calls no generated document wrong that coreup calls right', async () => {
      await fc.assert(
        fc.asyncProperty(documents, async (text) => {
          const errors = (await theirs(text)).filter(({ level }) => level === 'error');
          const { valid } = validateCloudConfig({ file: 'user-data', text });
          expect({ text, errors, valid: valid && errors.length > 0 }).toEqual({ text, errors, valid: false });
        }),
        { numRuns: 300 },
      );
    }, 120_000);
  });
}
