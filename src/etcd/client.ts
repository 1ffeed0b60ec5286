import type { Dial } from '../util/http.js';
import { ask, problem } from './ask.js';

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

/** More of what one member says of itself. */
export interface MemberCondition extends MemberStatus {
  /** Bytes of its database file, what is free in it included. */
  readonly dbSize: number;
  /** The last entry of the log that it knows to be agreed on, and the last that it has applied. */
  readonly raftIndex: number;
  readonly appliedIndex: number;
}

/** An alarm that a member has raised: `NOSPACE`, `CORRUPT`. */
export interface Alarm {
  readonly memberId: string;
  readonly alarm: string;
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
    return this.post('/v3/maintenance/status', {}, statusOf);
  }

  /** The same with figures. */
  async condition(): Promise<MemberCondition> {
    return this.post('/v3/maintenance/status', {}, (answer) => ({
      ...statusOf(answer),
      dbSize: Number(answer.dbSize ?? 0),
      raftIndex: Number(answer.raftIndex ?? 0),
      appliedIndex: Number(answer.raftAppliedIndex ?? answer.raftIndex ?? 0),
    }));
  }

  /** The alarms of all members, as this one knows them. */
  async alarms(): Promise<readonly Alarm[]> {
    return this.post('/v3/maintenance/alarm', { action: 'GET' }, ({ alarms }) =>
      (alarms ?? []).map(({ memberID, alarm }) => ({ memberId: hexId(memberID), alarm: alarm ?? 'NONE' })),
    );
  }

  /** The membership as the cluster has agreed on it; from etcd 3.5 on this needs a quorum. */
  async members(): Promise<readonly ListedMember[]> {
    return this.post('/v3/cluster/member/list', {}, (answer) =>
      (answer.members ?? []).map((member) => ({
        id: hexId(member.ID),
        name: member.name ?? '',
        peerUrls: member.peerURLs ?? [],
        clientUrls: member.clientURLs ?? [],
        learner: member.isLearner ?? false,
      })),
    );
  }

  /**
   * Tells the cluster where a member is reached by its peers.
   *
   * @param id hexadecimal
   */
  async updatePeerUrls(id: string, peerUrls: readonly string[]): Promise<void> {
    const body = { ID: BigInt(`0x${id}`).toString(), peerURLs: peerUrls };
    await this.post('/v3/cluster/member/update', body, () => undefined);
  }

  async put(key: string, value: string): Promise<void> {
    await this.post('/v3/kv/put', { key: base64(key), value: base64(value) }, () => undefined);
  }

  /** A linearizable read: it succeeds only while this member can reach a quorum. */
  async get(key: string): Promise<string | undefined> {
    return this.post('/v3/kv/range', { key: base64(key) }, (answer) => {
      const [found] = answer.kvs ?? [];
      // The gateway leaves an empty value out.
      return found && Buffer.from(found.value ?? '', 'base64').toString();
    });
  }

  /** Whether there is no key at all. */
  async isEmpty(): Promise<boolean> {
    // From the first possible key to the last (etcd API, RangeRequest).
    const all = { key: base64('\0'), range_end: base64('\0'), count_only: true };
    return this.post('/v3/kv/range', all, ({ count = '0' }) => count === '0');
  }

  async delete(key: string): Promise<void> {
    await this.post('/v3/kv/deleterange', { key: base64(key) }, () => undefined);
  }

  /**
   * @param read makes the result of the answer; what it throws means that the answer is not etcd's
   * @throws CoreupError ETCD_REQUEST, or what `dial` throws
   */
  private async post<T>(path: string, body: unknown, read: (answer: Answer) => T): Promise<T> {
    const { code, text } = await ask(this.dial, { method: 'POST', path, body }, this.timeout);
    if (code !== 200) throw problem(`etcd answered ${path} with ${code}: ${reasonOf(text)}`);
    return readAnswer(path, text, read);
  }
}

/** The fields that are looked at of the gateway's answers; 64-bit numbers are strings, and what is empty is left out. */
interface Answer {
  readonly header?: { readonly cluster_id?: string; readonly member_id?: string };
  readonly version?: string;
  readonly leader?: string;
  readonly dbSize?: string;
  readonly raftIndex?: string;
  readonly raftAppliedIndex?: string;
  readonly alarms?: readonly { readonly memberID?: string; readonly alarm?: string }[];
  readonly members?: readonly {
    readonly ID?: string;
    readonly name?: string;
    readonly peerURLs?: readonly string[];
    readonly clientURLs?: readonly string[];
    readonly isLearner?: boolean;
  }[];
  readonly count?: string;
  readonly kvs?: readonly { readonly value?: string }[];
}

function statusOf(answer: Answer): MemberStatus {
  const leader = hexId(answer.leader);
  return {
    clusterId: hexId(answer.header?.cluster_id),
    memberId: hexId(answer.header?.member_id),
    leader: leader === '0' ? undefined : leader,
    version: answer.version ?? '',
  };
}

function readAnswer<T>(path: string, text: string, read: (answer: Answer) => T): T {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null) throw new TypeError('no object');
    return read(answer);
  } catch (error) {
    throw problem(`etcd answered ${path} with something that is not etcd's: ${text.slice(0, 200)}`, error);
  }
}

/** etcd puts the reason of a refusal into `error`, next to a code of gRPC. */
function reasonOf(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    const reason = error ?? message;
    if (typeof reason === 'string' && reason !== '') return reason;
  } catch {
    // Not JSON: an etcd without this API, or something else altogether.
  }
  return text.trim().slice(0, 200) || 'no reason given';
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The gateway prints 64-bit IDs as decimal strings; people and etcdctl know them in hexadecimal. */
function hexId(decimal: string | undefined): string {
  return BigInt(decimal ?? '0').toString(16);
}
