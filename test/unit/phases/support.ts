import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach } from '@jest/globals';
import { buildCluster, instanceName, type ClusterSpec } from '../../../src/cluster/build.js';
import type { HostState } from '../../../src/cluster/host-state.js';
import type { Cluster } from '../../../src/cluster/types.js';
import type { Observation } from '../../../src/plan/observation.js';
import { HostLocks } from '../../../src/phases/host-lock.js';
import { HostRun, ServiceRun, type UpRun } from '../../../src/phases/run.js';
import type { HostStatus, Problem, Provider } from '../../../src/providers/port.js';
import type { Outcome, Reporter } from '../../../src/report/port.js';
import type { Connection, SshTarget } from '../../../src/ssh/port.js';
import { StateDirectory } from '../../../src/state/state.js';
import { CoreupError } from '../../../src/util/errors.js';
import { command, EMPTY_HOST, EMPTY_STATE, file, seenUnit, temporary } from '../plan/support.js';
import { FakeSsh, type Recorded, type Reply } from '../ssh/fake-ssh.js';

/** Keeps what it is told, in order. */
export class RecordingReporter implements Reporter {
  readonly phases: string[] = [];
  readonly notes: string[] = [];
  readonly lines: string[] = [];

  phase<T>(title: string, run: () => Promise<T>): Promise<T> {
    this.phases.push(title);
    return run();
  }
  member(name: string, note: string, outcome: Outcome = 'running'): void {
    this.notes.push(`${name} ${outcome}: ${note}`);
  }
  info(text: string): void {
    this.lines.push(text);
  }
  warn(text: string): void {
    this.lines.push(`warning: ${text}`);
  }
  debug(text: string): void {
    this.lines.push(`debug: ${text}`);
  }
}

/** A FAKE provider: hosts that are always there. */
export class FakeProvider implements Provider {
  readonly kind = 'ssh';
  problems: readonly Problem[][] = [[]];
  checks = 0;

  check(): Promise<readonly Problem[]> {
    const problems = this.problems[Math.min(this.checks++, this.problems.length - 1)];
    return Promise.resolve(problems ?? []);
  }
  ensure(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
  status(cluster: Cluster): Promise<ReadonlyMap<string, HostStatus>> {
    return Promise.resolve(new Map(cluster.members.map(({ name }) => [name, 'running'])));
  }
  address(member: { readonly privateIpv4: string }): string {
    return member.privateIpv4;
  }
  target(member: { readonly name: string; readonly privateIpv4: string }): SshTarget {
    return { name: member.name, address: member.privateIpv4, port: 22, user: 'core' };
  }
  knownHosts(): Promise<readonly []> {
    return Promise.resolve([]);
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
  cutPower(): Promise<void> {
    return Promise.resolve();
  }
  reboot(): Promise<void> {
    return Promise.resolve();
  }
  remove(): Promise<void> {
    return Promise.resolve();
  }
  assertReachable(): Promise<void> {
    return Promise.resolve();
  }
  existing(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}

/** What a stand-in etcd says of itself; tests change it at any time. */
export interface EtcdState {
  /** False: nobody listens on the port. */
  up: boolean;
  /** Takes requests and never answers. */
  hangs: boolean;
  clusterId: number;
  id: number;
  leader: number;
  /** Refuses reads and writes, as without a quorum. */
  refuses: boolean;
  members: { ID: string; name: string; peerURLs: string[]; clientURLs: string[] }[];
  readonly store: Map<string, string>;
  /** Asked before each answer; tests count and change things here. */
  onRequest: (path: string) => void;
}

/** The v2 API as etcd 3.4 answers it, as far as it is asked. */
function answerV2(state: EtcdState, method: string, path: string, body: string, response: ServerResponse): void {
  const key = path.replace(/\?.*/, '');
  if (key === '/v2/members') {
    response.end(JSON.stringify({ members: state.members.map(({ name }) => ({ name })) }));
    return;
  }
  if (method === 'PUT') {
    response.statusCode = state.store.has(key) ? 200 : 201;
    state.store.set(key, new URLSearchParams(body).get('value') ?? '');
  }
  const value = state.store.get(key);
  if (value === undefined) response.statusCode = 404;
  response.end(
    JSON.stringify(value === undefined ? { errorCode: 100, message: 'Key not found' } : { node: { value } }),
  );
}

/** A STAND-IN for etcd: an HTTP server on 127.0.0.1 with the few answers that coreup asks for. */
async function standInEtcd(state: EtcdState): Promise<() => Promise<Duplex>> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      state.onRequest(path);
      if (state.hangs) return;
      if (path.startsWith('/v2/')) {
        answerV2(state, request.method ?? '', path, Buffer.concat(chunks).toString(), response);
        return;
      }
      const { key = '', value = '' } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
        key?: string;
        value?: string;
      };
      if (path.startsWith('/v3/kv') && state.refuses) {
        response.statusCode = 503;
        response.end('{"error":"etcdserver: request timed out"}');
        return;
      }
      if (path === '/v3/kv/put') state.store.set(key, value);
      if (path === '/v3/kv/deleterange') state.store.delete(key);
      const found = state.store.get(key);
      const header = { cluster_id: String(state.clusterId), member_id: String(state.id) };
      const answers: Record<string, unknown> = {
        '/v3/maintenance/status': { header, version: '3.4.23', leader: String(state.leader) },
        '/v3/cluster/member/list': { header, members: state.members },
        '/v3/kv/range': found === undefined ? { header } : { header, kvs: [{ value: found }] },
      };
      response.end(JSON.stringify(answers[path] ?? { header }));
    });
  });
  servers.push(server);
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return () =>
    new Promise((resolve, reject) => {
      if (!state.up) {
        reject(
          new CoreupError('no connection from there to 127.0.0.1:2379 (Connection refused)', { code: 'SSH_FORWARD' }),
        );
        return;
      }
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
}

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** Members with stand-in etcds and fake hosts, wired up as `up` does it. */
export interface Scene {
  readonly run: UpRun;
  readonly ssh: FakeSsh;
  readonly provider: FakeProvider;
  readonly reporter: RecordingReporter;
  readonly controller: AbortController;
  readonly etcds: readonly EtcdState[];
}

export function desiredState(index: number, names: readonly string[]): HostState {
  const url = (at: number): string => `http://10.0.0.${at}:2380`;
  const environment = {
    ETCD_NAME: names[index] ?? '',
    ETCD_INITIAL_ADVERTISE_PEER_URLS: url(index + 1),
    ETCD_ADVERTISE_CLIENT_URLS: `http://10.0.0.${index + 1}:2379`,
    ETCD_LISTEN_CLIENT_URLS: 'http://0.0.0.0:2379',
    ETCD_INITIAL_CLUSTER: names.map((name, at) => `${name}=${url(at + 1)}`).join(','),
  };
  const lines = Object.entries(environment).map(([name, value]) => `Environment="${name}=${value}"\n`);
  return {
    ...EMPTY_STATE,
    files: [file('/etc/systemd/system/etcd2.service.d/20-cloudinit.conf', `[Service]\n${lines.join('')}`)],
    commands: [command('start', 'etcd2.service')],
  };
}

export const UNIT_RUNS = 'ActiveState=active\nSubState=running\nResult=success\nNRestarts=0\n';

/**
 * @param size number of members; all are healthy members of one cluster, led by the first
 * @param observed what each host shows, on top of an empty Debian host that runs etcd2 and has data
 * @param roles which of them are members; all, by default
 */
export async function scene(
  size: number,
  observed: (index: number) => Partial<Observation> = () => ({}),
  roles: Pick<ClusterSpec, 'discoveryNode' | 'etcdMembers'> = { etcdMembers: size },
): Promise<Scene> {
  const names = Array.from({ length: size }, (_, index) => instanceName('core', index + 1));
  const cluster = buildCluster({
    name: 'test',
    prefix: 'core',
    ...roles,
    placements: names.map((_, index) => ({ publicIpv4: `10.0.0.${index + 1}`, privateIpv4: `10.0.0.${index + 1}` })),
    metadata: {},
  });
  const members = names.map((name, index) => ({
    ID: String(index + 1),
    name,
    peerURLs: [`http://10.0.0.${index + 1}:2380`],
    clientURLs: [`http://10.0.0.${index + 1}:2379`],
  }));
  const store = new Map<string, string>();
  const etcds = names.map((_, index): EtcdState => ({
    up: true,
    hangs: false,
    clusterId: 200,
    id: index + 1,
    leader: 1,
    refuses: false,
    members,
    store,
    onRequest: () => undefined,
  }));
  const ssh = new FakeSsh()
    .reply('run()', allStepsDone)
    .reply('systemctl show', { stdout: UNIT_RUNS })
    .reply('journalctl', { stdout: 'the end of the journal\n' });
  const provider = new FakeProvider();
  const hosts = await Promise.all(
    cluster.members.map(async (member, index) => {
      const host = new HostRun({
        member,
        desired: desiredState(index, names),
        digest: 'digest',
        question: { paths: [], contents: [], units: [], users: [], dataDirs: [] },
      });
      const dial = await standInEtcd(etcds[index] as EtcdState);
      const connection = await ssh.connect(provider.target(member), { deadline: 0 });
      host.connection = { ...connection, forward: dial } satisfies Connection;
      host.observation = {
        ...EMPTY_HOST,
        units: new Map([['etcd2.service', seenUnit({ active: 'active' })]]),
        data: ['/var/lib/etcd2'],
        manifest: MANIFEST,
        ...observed(index),
      };
      host.plan = { apply: [], finish: [] };
      return host;
    }),
  );
  const reporter = new RecordingReporter();
  const controller = new AbortController();
  const run: UpRun = {
    reporter,
    signal: controller.signal,
    cluster,
    provider,
    ssh,
    state: new StateDirectory(join(temporary(), '.coreup')),
    hosts,
    services: new ServiceRun([]),
    locks: new HostLocks('up'),
    connectDeadline: 1000,
    founding: false,
    tls: false,
    // Short pauses, and an end that no test waits for unless it is about it.
    patience: { ready: 30_000, agree: 30_000, poll: [1, 2], unitPoll: 0 },
  };
  return { run, ssh, provider, reporter, controller, etcds };
}

export const MANIFEST = {
  version: 1,
  cluster: 'test',
  member: 'core-01',
  userData: 'digest',
  files: {},
  originals: [],
  directories: [],
  edits: {},
  keys: {},
  enabled: [],
  masked: [],
  pending: [],
} as NonNullable<Observation['manifest']>;

/** Answers a script of steps as a host on which all of them succeed. */
export function allStepsDone({ text }: Recorded): Reply {
  const numbers = [...text.matchAll(/^run (\d+)$/gm)].map(([, number]) => number);
  return { stdout: numbers.map((number) => `\x1e${number} 0\n`).join('') };
}

export function hostOf({ run }: Scene, name: string): HostRun {
  const host = run.hosts.find((candidate) => candidate.name === name);
  if (!host) throw new Error(`no host ${name}`);
  return host;
}
