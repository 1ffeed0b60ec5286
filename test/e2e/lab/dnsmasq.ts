import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** A real dnsmasq of the test's own, as an administrator would run it: not one that coreup manages. */
export class Dnsmasq {
  #running: ChildProcess | undefined;
  #directory: string | undefined;

  constructor(private readonly address: string) {}

  /** Serves these options of dnsmasq.conf, instead of those before. */
  async serve(options: string): Promise<void> {
    await this.stop();
    this.#directory ??= await mkdtemp(join(tmpdir(), 'coreup-e2e-dns-'));
    const file = join(this.#directory, 'dnsmasq.conf');
    await writeFile(file, options);
    const words = ['--keep-in-foreground', '--log-facility=-', '--no-resolv', '--no-hosts', '--bind-interfaces', '--pid-file='];
    const child = spawn('dnsmasq', [...words, `--listen-address=${this.address}`, `--conf-file=${file}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#running = child;
    // It says that it has started once it listens.
    const [said] = (await once(child.stderr, 'data')) as [Buffer];
    if (!said.toString().includes('started')) throw new Error(said.toString());
  }

  async stop(): Promise<void> {
    const child = this.#running;
    this.#running = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  }

  async dispose(): Promise<void> {
    await this.stop();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Gives this machine one more address on the bridge that leads to another one. */
export async function addBridgeAddress(address: string, beside: string): Promise<void> {
  const { stdout } = await execa('ip', ['-j', 'route', 'get', beside]);
  const [route] = JSON.parse(stdout) as { dev: string }[];
  await execa('ip', ['address', 'replace', `${address}/32`, 'dev', route?.dev ?? '']);
}
