import type { ClientChannel } from 'ssh2';
import { sshError } from './errors.js';
import type { SshTarget } from './port.js';
import { passSudo } from './sudo-gate.js';
import type { HostPasswords } from './sudo-passwords.js';
import { sudoMarkers, withoutPassword, withPassword } from './sudo.js';

/** Opens a session for a command line, hands it to `use`, and closes it. */
export type InSession = <T>(command: string, use: (channel: ClientChannel) => Promise<T>) => Promise<T>;

/** A command that runs. */
export interface Begun {
  readonly channel: ClientChannel;
  /** What it has printed on stderr already. */
  readonly stderr: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** How commands become root's on one host. What sudo wants there is found out once. */
export class Elevation {
  #wantsPassword = false;

  constructor(
    private readonly target: SshTarget,
    private readonly passwords: HostPasswords,
  ) {}

  /** Whether commands go through `sudo -n`, which may still refuse. */
  get untried(): boolean {
    return this.target.user !== 'root' && !this.#wantsPassword;
  }

  /** From now on sudo is given a password. */
  usePassword(): void {
    this.#wantsPassword = true;
  }

  /**
   * Runs a command as root.
   *
   * @param command words for the host's shell
   * @throws CoreupError SSH_SUDO where sudo takes no password that there is
   */
  async run<T>(command: string, stop: AbortSignal, session: InSession, use: (begun: Begun) => Promise<T>): Promise<T> {
    if (this.target.user === 'root') {
      return session(`exec ${command}`, (channel) => use({ channel, stderr: NOTHING }));
    }
    if (!this.#wantsPassword) {
      return session(withoutPassword(command), (channel) => use({ channel, stderr: NOTHING }));
    }
    // sudo ends after some wrong passwords; then it is started again, as long as there is another one to try.
    for (let wrong = false; ; wrong = true) {
      const markers = sudoMarkers();
      const ended = await session(withPassword(command, markers), async (channel) => {
        const password = (again: boolean) => this.passwords.next(again || wrong);
        const passed = await passSudo(channel, markers, password, stop);
        if (passed.outcome === 'started') return { done: true, value: await use({ channel, ...passed }) } as const;
        if (passed.outcome === 'stuck') throw this.refused(passed.said);
        return { done: false } as const;
      });
      if (ended.done) return ended.value;
    }
  }

  /** @param said what sudo said */
  refused(said: string) {
    const reason = said.split('\n').at(-1) ?? '';
    const { user } = this.target;
    return this.#wantsPassword
      ? sshError(this.target, 'SSH_SUDO', `${user} could not become root: sudo wants a password${because(reason)}`, {
          hint: 'Run coreup on a terminal, which asks for it; elsewhere name a file that holds it in COREUP_SUDO_PASSWORD_FILE.',
        })
      : sshError(this.target, 'SSH_SUDO', `${user} may not use sudo (${reason})`, {
          hint: `Log in as root, or allow it on the host: echo '${user} ALL=(ALL) ALL' > /etc/sudoers.d/coreup`,
        });
  }
}

function because(reason: string): string {
  return reason === '' ? '' : ` (${reason})`;
}
