import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { quote } from '../../../src/util/shell.js';

/**
 * An ssh agent that holds a protected key.
 *
 * @param directory where its socket is
 */
export async function startAgent(
  directory: string,
  key: string,
  passphrase: string,
): Promise<{ readonly env: { readonly SSH_AUTH_SOCK: string }; readonly stop: () => void }> {
  const socket = join(directory, 'agent');
  const { stdout } = await execa('ssh-agent', ['-a', socket]);
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
  const env = { SSH_AUTH_SOCK: socket };
  const askpass = join(directory, 'askpass');
  await writeFile(askpass, `#!/bin/sh\nprintf '%s\\n' ${quote(passphrase)}\n`, { mode: 0o700 });
  await execa('ssh-add', [key], { env: { ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' } });
  return { env, stop: () => process.kill(pid) };
}
