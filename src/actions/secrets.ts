import { open } from 'node:fs/promises';
import { CoreupError, messageOf } from '../util/errors.js';
import { quote } from '../util/shell.js';

/** Name files that hold the sudo password, and the passphrase of the certificate authority, for where there is no terminal. */
const SUDO_VARIABLE = 'COREUP_SUDO_PASSWORD_FILE';
const CA_VARIABLE = 'COREUP_CA_PASSPHRASE_FILE';
const MOST = 64 * 1024;

/**
 * The sudo password for where nobody can be asked.
 *
 * @returns undefined where no file is named
 * @throws CoreupError SUDO_PASSWORD_FILE if it cannot be read, is empty, or others may read it
 */
export function sudoPasswordFromFile(environment = process.env): Promise<string | undefined> {
  return firstLine(SUDO_VARIABLE, environment, 'sudo password', 'SUDO_PASSWORD_FILE');
}

/**
 * The passphrase of the certificate authority's key, for where nobody can be asked.
 *
 * @returns undefined where no file is named
 * @throws CoreupError CA_PASSPHRASE_FILE if it cannot be read, is empty, or others may read it
 */
export function caPassphraseFromFile(environment = process.env): Promise<string | undefined> {
  return firstLine(CA_VARIABLE, environment, 'passphrase of the certificate authority', 'CA_PASSPHRASE_FILE');
}

/**
 * The first line of the file that the environment names. The secret itself is not taken from the environment, which every
 * program that is started inherits.
 */
async function firstLine(
  variable: string,
  environment: NodeJS.ProcessEnv,
  what: string,
  code: string,
): Promise<string | undefined> {
  const file = environment[variable];
  if (file === undefined || file === '') return undefined;
  try {
    const handle = await open(file, 'r');
    try {
      const stat = await handle.stat();
      if (stat.isFile() && (stat.mode & 0o077) !== 0)
        throw new Error(`others may read it; run: chmod 600 ${quote(file)}`);
      const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(MOST), length: MOST });
      const [line = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/);
      buffer.fill(0);
      if (line === '') throw new Error('its first line is empty');
      return line;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new CoreupError(`the ${what} cannot be taken from ${file}: ${messageOf(error)}`, {
      code,
      hint: `Let ${variable} name a file that only you can read, with the ${what} as its first line.`,
      cause: error,
    });
  }
}
