import { readFile } from 'node:fs/promises';
import { messageOf } from '../util/errors.js';
import { sshError } from './errors.js';
import { parsePublicKey } from './known-hosts.js';
import type { SshTarget } from './port.js';

/** How a key revocation list begins, the binary form of such a file (OpenSSH, PROTOCOL.krl). */
const KRL = Buffer.from('SSHKRL\n\0');

/**
 * Looks into RevokedHostKeys (ssh_config(5)): public keys, one a line.
 *
 * @returns file and line that revoke this key
 * @throws CoreupError SSH_REVOKED_KEYS where the file cannot be read: as with ssh, no key is trusted then
 */
export async function revokedBy(target: SshTarget, key: Buffer): Promise<string | undefined> {
  const file = target.trust?.revoked;
  if (file === undefined) return undefined;
  const bytes = await readFile(file).catch((error: unknown) => {
    throw unusable(target, file, messageOf(error), error);
  });
  if (bytes.subarray(0, KRL.length).equals(KRL)) {
    throw unusable(target, file, 'it is a binary revocation list, which coreup cannot read');
  }
  const line = bytes
    .toString('utf8')
    .split('\n')
    .findIndex((text) => parsePublicKey(text)?.equals(key) === true);
  return line < 0 ? undefined : `${file}:${line + 1}`;
}

function unusable(target: SshTarget, file: string, why: string, cause?: unknown) {
  return sshError(target, 'SSH_REVOKED_KEYS', `whether its key is revoked cannot be found out: ${file}: ${why}`, {
    hint: 'Make RevokedHostKeys in your ssh config name a readable list of public keys, one a line.',
    cause,
  });
}
