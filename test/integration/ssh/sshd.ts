import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, type KeyPair } from '../../../src/ssh/keys.js';
import { formatKnownHost, parsePublicKey } from '../../../src/ssh/known-hosts.js';
import type { SshTarget } from '../../../src/ssh/port.js';

export interface SshdOptions {
  /** More lines for sshd_config. */
  readonly config?: readonly string[];
  /** false: make everything ready, but do not start it. */
  readonly start?: boolean;
  /** What sshd is started through: a program and its arguments, which end with executing what follows them. */
  readonly through?: (directory: string) => readonly string[];
}

/** A real sshd on 127.0.0.1 with its own keys, which logs this process's user in. */
export class Sshd {
  readonly directory = mkdtempSync(join(tmpdir(), 'coreup-sshd-'));
  readonly knownHostsFile = join(this.directory, 'known_hosts');
  readonly identityFile = join(this.directory, 'id_ed25519');
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly hostKey: KeyPair,
    readonly clientKey: KeyPair,
    config: readonly string[],
    private readonly through: (directory: string) => readonly string[],
  ) {
    const file = (name: string, text: string, mode = 0o600) => {
      writeFileSync(join(this.directory, name), text, { mode });
      return join(this.directory, name);
    };
    file('id_ed25519', clientKey.privateKey);
    file('id_ed25519.pub', `${clientKey.publicKey}\n`);
    file('known_hosts', formatKnownHost('127.0.0.1', port, this.hostKeyBlob));
    file(
      'sshd_config',
      [
        ...config, // first: sshd takes the first value of each setting
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${file('host_key', hostKey.privateKey)}`,
        `AuthorizedKeysFile ${file('authorized_keys', `${clientKey.publicKey}\n`)}`,
        `PidFile ${join(this.directory, 'pid')}`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'StrictModes no',
        'UsePAM no',
        'UseDNS no',
        'Subsystem sftp internal-sftp',
        // No ~/.bashrc of whoever runs the tests; and commands of our own before the machine's.
        `SetEnv HOME=${this.directory} PATH=${this.directory}:${process.env.PATH ?? '/usr/bin:/bin'}`,
        '',
      ].join('\n'),
    );
  }

  static async create({ config = [], start = true, through = () => [] }: SshdOptions = {}): Promise<Sshd> {
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const [hostKey, clientKey] = await Promise.all([generateKeyPair('host'), generateKeyPair('client')]);
    const sshd = new Sshd(await freePort(), hostKey, clientKey, config, through);
    if (start) await sshd.start();
    return sshd;
  }

  get hostKeyBlob(): Buffer {
    const blob = parsePublicKey(this.hostKey.publicKey);
    if (blob === undefined) throw new Error('unreadable host key');
    return blob;
  }

  get target(): SshTarget {
    return {
      name: 'core-01',
      address: '127.0.0.1',
      port: this.port,
      user: userInfo().username,
      identityFile: this.identityFile,
    };
  }

  /** sshd's pid; the daemon stays in the foreground as our child. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('sshd is not running');
    return this.#process.pid;
  }

  /** Starts the daemon and waits until it listens. */
  async start(): Promise<void> {
    const sshd = ['/usr/sbin/sshd', '-D', '-e', '-f', join(this.directory, 'sshd_config')];
    const [program = '', ...args] = [...this.through(this.directory), ...sshd];
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    this.#process = child;
    const ended = once(child, 'exit').then(() => {
      throw new Error(`sshd ended: ${log}`);
    });
    ended.catch(() => undefined);
    while (!(await Promise.race([listens(this.port), ended]))) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** The processes of the sessions, each an sshd forked by the daemon. */
  sessionPids(): number[] {
    return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  }

  signalSessions(signal: NodeJS.Signals): void {
    for (const pid of this.sessionPids()) process.kill(pid, signal);
  }

  /** Ends the daemon and its sessions. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const sessions = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
    child.kill('SIGKILL');
    for (const pid of sessions) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // gone by itself
      }
    }
    await once(child, 'exit');
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
