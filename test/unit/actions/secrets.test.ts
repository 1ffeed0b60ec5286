import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sudoPasswordFromFile } from '../../../src/actions/secrets.js';
import { temporary } from '../plan/support.js';

const VARIABLE = 'COREUP_SUDO_PASSWORD_FILE';
const PASSWORD = 'sUdo-password-5c1e';

function passwordFile(text: string | Buffer, mode = 0o600): string {
  const file = join(temporary(), "pass word's");
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const from = (file: string) => sudoPasswordFromFile({ [VARIABLE]: file });

async function refusal(file: string): Promise<string> {
  try {
    await from(file);
  } catch (error) {
    const { code, hint, message } = error as { code: string; hint: string; message: string };
    expect({ code, hint }).toEqual({ code: 'SUDO_PASSWORD_FILE', hint: expect.stringContaining(VARIABLE) });
    expect(message).toContain(file);
    // Whatever is wrong, no error quotes the file.
    expect(JSON.stringify([message, hint])).not.toContain(PASSWORD);
    return message;
  }
  throw new Error('it was not refused');
}

describe('sudoPasswordFromFile', () => {
  it('takes the first line, with blanks and without its end, whatever ends it', async () => {
    for (const text of [PASSWORD, `${PASSWORD}\n`, `${PASSWORD}\r\nnot this\n`]) {
      expect(await from(passwordFile(text))).toBe(PASSWORD);
    }
    expect(await from(passwordFile(' ä b \n'))).toBe(' ä b ');
    expect(await from(passwordFile(`${PASSWORD}\n`, 0o400))).toBe(PASSWORD);
  });

  it('takes none where no file is named', async () => {
    expect(await sudoPasswordFromFile({})).toBeUndefined();
    expect(await from('')).toBeUndefined();
  });

  it('refuses a file that anybody else may touch, and says how to mend it', async () => {
    for (const mode of [0o640, 0o604, 0o660, 0o620, 0o601, 0o777]) {
      const file = passwordFile(`${PASSWORD}\n`, mode);
      expect(await refusal(file)).toContain('others may read it; run: chmod 600 ');
    }
  });

  it('refuses what is missing, a directory, an empty file and an empty first line', async () => {
    const directory = join(temporary(), 'd');
    mkdirSync(directory, { mode: 0o700 });
    expect(await refusal(join(directory, 'none'))).toContain('ENOENT');
    expect(await refusal(directory)).toContain('EISDIR');
    expect(await refusal(passwordFile(''))).toContain('its first line is empty');
    expect(await refusal(passwordFile(`\n${PASSWORD}\n`))).toContain('its first line is empty');
  });
});
