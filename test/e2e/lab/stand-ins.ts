import { quote } from '../../../src/util/shell.js';
import type { OnHost } from './host-files.js';

/** A STAND-IN for a daemon of CoreOS: a unit of that name, as the distribution would bring it, that only sleeps. */
const SLEEPER = '[Unit]\nDescription=STAND-IN\n[Service]\nExecStart=/bin/sleep infinity\n';

/**
 * A STAND-IN for CoreOS's update-ssh-keys(1): keeps the keys of each name in a file of its own, and puts all of them
 * together as authorized_keys.
 */
const UPDATE_SSH_KEYS = `#!/bin/sh
[ "$1" = -u ] && [ "$3" = -a ] || exit 2
home=$(getent passwd "$2" | cut -d: -f6) && mkdir -p "$home/.ssh/authorized_keys.d" && cat >"$home/.ssh/authorized_keys.d/$4" || exit
cat "$home/.ssh/authorized_keys.d/"* >"$home/.ssh/authorized_keys.new" && mv "$home/.ssh/authorized_keys.new" "$home/.ssh/authorized_keys"
`;

/** Puts on a host what cloud-configs for CoreOS count on and Debian has not; nothing of it does anything. */
export async function installCoreosStandIns(on: OnHost): Promise<void> {
  const script = [
    ...['locksmithd', 'update-engine'].map(
      (name) => `printf %s ${quote(SLEEPER)} >/usr/lib/systemd/system/${name}.service`,
    ),
    'mkdir -p /usr/share/coreos',
    `printf %s ${quote('# STAND-IN for what CoreOS brings\nGROUP=stable\n')} >/usr/share/coreos/update.conf`,
    `printf %s ${quote(UPDATE_SSH_KEYS)} >/usr/local/bin/update-ssh-keys && chmod 755 /usr/local/bin/update-ssh-keys`,
    'systemctl daemon-reload',
  ].join('\n');
  await on(`sudo sh -c ${quote(script)}`);
}
