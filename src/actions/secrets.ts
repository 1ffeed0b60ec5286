import { open } from 'node:fs/promises';
import { CoreupError, messageOf } from '../util/errors.js';
import { quote } from '../util/shell.js';

/** Names a file that holds the sudo password, for where there is no terminal. */
const VARIABLE = 'COREUP_SUDO_PASSWORD_FILE';
const MOST = 64 * 1024;

/**
 * The sudo password for where nobody can be asked: the first line of the file that the environment names. The password
 * itself is not taken from the environment, which every program that is started inherits.
 *
 * @returns undefined where no file is named
 * @throws CoreupError SUDO_PASSWORD_FILE if it cannot be read, is empty, or others may read it
 */
export async function sudoPasswordFromFile(environment = process.env): Promise<string | undefined> {
  const file = environment[VARIABLE];
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
    throw new CoreupError(`the sudo password cannot be taken from ${file}: ${messageOf(error)}`, {
      code: 'SUDO_PASSWORD_FILE',
      hint: `Let ${VARIABLE} name a file that only you can read, with the password as its first line.`,
      cause: error,
    });
  }
}
