/**
 * How coreup grows with the number of hosts: `plan` and an `up` with nothing to do, on real hosts of this machine, three
 * of them etcd members. Started by `bench/run scale [SIZE…]`; the sizes ascend, 50 100 250 500 by default.
 *
 *   COREUP   the installed program
 *   ROUNDS   how often each is measured
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, succeed } from './measure.mjs';

const { COREUP = 'coreup' } = process.env;
const ROUNDS = Number(process.env.ROUNDS || 3);
const MEBIBYTE = 1024;
const MOST_MEMORY = 400 * MEBIBYTE;

/** Workers that do without etcd: five hundred proxies would measure the machine. */
const USER_DATA = `#cloud-config

hostname: {{member.name}}
write_files:
  - path: /etc/motd
    content: |
      {{member.name}} of {{cluster.name}}
{{#unless etcd.proxy}}
coreos:
  etcd2:
    name: {{member.name}}
    advertise-client-urls: http://$private_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://$private_ipv4:2379,http://127.0.0.1:2379
    listen-peer-urls: http://$private_ipv4:2380
    initial-cluster: {{etcd.initial_cluster}}
  units:
    - name: etcd2.service
      command: start
      enable: true
{{/unless}}
`;

const directory = await mkdtemp(join(tmpdir(), 'coreup-scale-'));
const env = { ...process.env, COREUP_DATA_DIR: join(directory, 'local'), NO_COLOR: '1' };
const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [50, 100, 250, 500];

process.on('SIGINT', () => undefined);
try {
  await writeFile(join(directory, 'user-data.hbs'), USER_DATA);
  console.log('hosts  verb  median ms  ms a host  most memory  most connections  load');
  for (const size of sizes) {
    await writeFile(join(directory, 'config.ts'), configFor(size));
    // A first run that only adds hosts, and one that has to find nothing to do.
    await succeed(COREUP, ['up', '--yes'], { cwd: directory, env });
    for (const args of [['plan'], ['up', '--yes']]) {
      const runs = [];
      for (let round = 0; round < ROUNDS; round++) runs.push(await watched(args));
      tell(size, args[0], runs);
    }
  }
} finally {
  await succeed(COREUP, ['destroy', '--yes'], { cwd: directory, env }).catch((error) => console.error(error.message));
  await rm(directory, { recursive: true, force: true });
}

function configFor(size) {
  return `import { defineConfig } from 'coreup';

export default defineConfig({
  cluster_name: 'scale',
  num_instances: ${size},
  user_data: './user-data.hbs',
  etcd: { members: 3 },
  provider: { kind: 'local', subnet: '10.44.0.0/20' },
});
`;
}

function tell(size, verb, runs) {
  const time = median(runs.map(({ milliseconds }) => milliseconds));
  const memory = Math.max(...runs.map(({ kibibytes }) => kibibytes));
  const connections = Math.max(...runs.map((run) => run.connections));
  const cells = [size, verb, Math.round(time), (time / size).toFixed(1), `${Math.round(memory / MEBIBYTE)} MiB`];
  const over = memory > MOST_MEMORY ? `  more than ${MOST_MEMORY / MEBIBYTE} MiB` : '';
  const widths = [7, 6, 11, 11, 13, 18, 0];
  console.log(
    [...cells, connections, loadavg()[0].toFixed(1)].map((cell, at) => String(cell).padEnd(widths[at])).join('') + over,
  );
}

/** One run, with the most memory and the most connections to an sshd that it had at any of the moments looked at. */
function watched(args) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(COREUP, args, { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => (said += chunk));
    const seen = { kibibytes: 0, connections: 0 };
    const watch = setInterval(() => {
      seen.kibibytes = Math.max(seen.kibibytes, peakMemory(child.pid));
      seen.connections = Math.max(seen.connections, connectionsOf(child.pid));
    }, 50);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(watch);
      const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
      if (code === 0) resolve({ milliseconds, ...seen });
      else reject(new Error(`coreup ${args.join(' ')} ended with ${code}:\n${said}`));
    });
  });
}

/** VmHWM of proc_pid_status(5), in KiB; 0 once it has ended. */
function peakMemory(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Its sockets that are connected to a port 22, or on their way there. */
function connectionsOf(pid) {
  try {
    const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n');
    const toSsh = rows.map((row) => row.trim().split(/\s+/)).filter(([, , remote]) => remote?.endsWith(':0016'));
    return Math.min(toSsh.length, readdirSync(`/proc/${pid}/fd`).length);
  } catch {
    return 0;
  }
}
