import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { CoreupError } from '../util/errors.js';

/** Opens a TCP stream to a member's client port, usually from the host itself over SSH. */
export type Dial = () => Promise<Duplex>;

/** One member as etcd's own member list has it. */
export interface ListedMember {
  /** Hexadecimal, as etcdctl prints it. */
  readonly id: string;
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Empty until the member has started for the first time. */
  readonly clientUrls: readonly string[];
  readonly learner: boolean;
}

/** What one member says of itself. */
export interface MemberStatus {
  readonly clusterId: string;
  readonly memberId: string;
  /** ID of the leader this member follows; undefined while there is none. */
  readonly leader: string | undefined;
  readonly version: string;
}

/**
 * A thin client of etcd's v3 JSON gateway (etcd 3.4 and later, path prefix `/v3`). Requests go to exactly one member;
 * each has a time limit, since a member without a leader answers linearizable requests late or never.
 */
export class EtcdClient {
  constructor(
    private readonly dial: Dial,
    private readonly timeout = 5000,
  ) {}

  /** Answered by the member alone; also without a quorum. */
  async status(): Promise<MemberStatus> {
    const answer = await this.post<{
      header?: { cluster_id?: string; member_id?: string };
      version?: string;
      leader?: string;
    }>('/v3/maintenance/status', {});
    const leader = hexId(answer.leader);
    return {
      clusterId: hexId(answer.header?.cluster_id),
      memberId: hexId(answer.header?.member_id),
      leader: leader === '0' ? undefined : leader,
      version: answer.version ?? '',
    };
  }

  /** The membership as the cluster has agreed on it; from etcd 3.5 on this needs a quorum. */
  async members(): Promise<readonly ListedMember[]> {
    const answer = await this.post<{
      members?: { ID?: string; name?: string; peerURLs?: string[]; clientURLs?: string[]; isLearner?: boolean }[];
    }>('/v3/cluster/member/list', {});
    return (answer.members ?? []).map((member) => ({
      id: hexId(member.ID),
      name: member.name ?? '',
      peerUrls: member.peerURLs ?? [],
      clientUrls: member.clientURLs ?? [],
      learner: member.isLearner ?? false,
    }));
  }

  async put(key: string, value: string): Promise<void> {
    await this.post('/v3/kv/put', { key: base64(key), value: base64(value) });
  }

  /** A linearizable read: it succeeds only while this member can reach a quorum. */
  async get(key: string): Promise<string | undefined> {
    const answer = await this.post<{ kvs?: { value?: string }[] }>('/v3/kv/range', { key: base64(key) });
    const value = answer.kvs?.[0]?.value;
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
  }

  async delete(key: string): Promise<void> {
    await this.post('/v3/kv/deleterange', { key: base64(key) });
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const socket = await this.dial();
    return new Promise<T>((resolve, reject) => {
      const fail = (message: string, cause?: unknown): void => {
        socket.destroy();
        reject(new CoreupError(message, { code: 'ETCD_REQUEST', cause }));
      };
      const timer = setTimeout(() => {
        fail(`etcd did not answer ${path} within ${this.timeout / 1000} s`);
      }, this.timeout);
      const outgoing = request(
        // Without an agent, node uses exactly this stream and closes it afterwards.
        { method: 'POST', path, host: 'localhost', createConnection: () => socket },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            clearTimeout(timer);
            socket.destroy();
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode !== 200) {
              fail(`etcd answered ${path} with ${response.statusCode}: ${text.slice(0, 200)}`);
              return;
            }
            try {
              resolve(JSON.parse(text) as T);
            } catch (error) {
              fail(`etcd answered ${path} with something that is not JSON: ${text.slice(0, 200)}`, error);
            }
          });
        },
      );
      outgoing.on('error', (error) => {
        clearTimeout(timer);
        fail(`etcd did not answer ${path}: ${error.message}`, error);
      });
      outgoing.end(JSON.stringify(body));
    });
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The gateway prints 64-bit IDs as decimal strings; people and etcdctl know them in hexadecimal. */
function hexId(decimal: string | undefined): string {
  return BigInt(decimal ?? '0').toString(16);
}
