import { execa } from 'execa';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const CLIENT = 'http://127.0.0.1:23790';
const PEER = 'http://127.0.0.1:23800';

/** A real etcd with the v2 API on, on this machine: the one of the hosts' image. */
export interface OwnEtcd {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startOwnEtcd(): Promise<OwnEtcd> {
  const image = await execa(process.execPath, [PROGRAM, 'image', 'bookworm', '--json']);
  const { path } = JSON.parse(image.stdout) as { path: string };
  const data = await mkdtemp(join(tmpdir(), 'coreup-e2e-etcd-'));
  const running = execa(join(path, 'usr/bin/etcd'), [], {
    reject: false,
    env: {
      ETCD_NAME: 'discovery',
      ETCD_DATA_DIR: data,
      ETCD_ENABLE_V2: 'true',
      ETCD_LISTEN_CLIENT_URLS: CLIENT,
      ETCD_ADVERTISE_CLIENT_URLS: CLIENT,
      ETCD_LISTEN_PEER_URLS: PEER,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: PEER,
      ETCD_INITIAL_CLUSTER: `discovery=${PEER}`,
    },
  });
  const ended = running.then(({ stderr }) => {
    throw new Error(`etcd did not start: ${stderr}`);
  });
  ended.catch(() => undefined);
  while (!(await Promise.race([answers(), ended]))) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    url: CLIENT,
    stop: async () => {
      running.kill('SIGKILL');
      await running;
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(`${CLIENT}/health`)).ok;
  } catch {
    return false;
  }
}
