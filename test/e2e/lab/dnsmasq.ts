import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Waits for its end of the cable, takes its address, and becomes dnsmasq. */
const ON_BRIDGE = `
until ip link show "$1" >/dev/null 2>&1; do sleep 0.02; done
ip address add "$2/24" dev "$1" && ip link set "$1" up && shift 2 && exec dnsmasq "$@"`;

/** A real dnsmasq of the test's own, as an administrator would run it: not one that coreup manages. */
export class Dnsmasq {
  #running: ChildProcess | undefined;
  #directory: string | undefined;
  #starts = 0;

  /** @param beside an address on a bridge: the server is a machine of its own there; without it, it runs on this machine */
  constructor(
    private readonly address: string,
    private readonly beside?: string,
  ) {}

  /** Serves these options of dnsmasq.conf, instead of those before. */
  async serve(options: string): Promise<void> {
    await this.stop();
    this.#directory ??= await mkdtemp(join(tmpdir(), 'coreup-e2e-dns-'));
    const file = join(this.#directory, 'dnsmasq.conf');
    await writeFile(file, options);
    const words = [
      '--keep-in-foreground', '--log-facility=-', '--no-resolv', '--no-hosts', '--bind-interfaces', '--pid-file=',
      `--listen-address=${this.address}`, `--conf-file=${file}`,
    ]; // prettier-ignore
    const port = `dns${++this.#starts}`;
    const child =
      this.beside === undefined
        ? spawn('dnsmasq', words, { stdio: ['ignore', 'ignore', 'pipe'] })
        : spawn('unshare', ['--net', 'sh', '-c', ON_BRIDGE, 'dns', port, this.address, ...words], {
            stdio: ['ignore', 'ignore', 'pipe'],
          });
    this.#running = child;
    if (this.beside !== undefined) await plugIn(`v${port}`, port, child.pid ?? 0, this.beside);
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

/** A cable from the bridge that leads to an address to the network namespace of a process. */
async function plugIn(ours: string, theirs: string, pid: number, beside: string): Promise<void> {
  const { stdout } = await execa('ip', ['-j', 'route', 'get', beside]);
  const [route] = JSON.parse(stdout) as { dev: string }[];
  // Always the same card: the hosts remember whose address it is.
  const peer = ['peer', 'name', theirs, 'address', '02:c0:ac:11:08:6f', 'netns', String(pid)];
  await execa('ip', ['link', 'add', ours, 'type', 'veth', ...peer]);
  await execa('ip', ['link', 'set', ours, 'master', route?.dev ?? '', 'up']);
}
