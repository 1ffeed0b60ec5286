/** The parts of `--json` documents that the tests look at (docs/cli.md). */
export interface UpDocument {
  readonly ok: boolean;
  readonly seconds: number;
  readonly changes: number;
  readonly members: readonly { name: string; address: string; ok: boolean; error?: string }[];
}

export interface StatusDocument {
  readonly healthy: boolean;
  readonly etcd: {
    readonly leader: string;
    readonly cluster_id: string;
    readonly members: readonly {
      id: string;
      name: string;
      peer_urls: string[];
      client_urls: string[];
      healthy: boolean;
      leader: boolean;
      version: string;
    }[];
  };
  readonly fleet: {
    readonly machines: readonly { id: string; ip: string; metadata: Record<string, string>; member: string }[];
    readonly units: readonly {
      name: string;
      machine: string;
      member: string;
      active: string;
      sub: string;
      target: string | null;
      problem?: string;
    }[];
  } | null;
}

export interface ExecDocument {
  readonly members: readonly { name: string; code: number | null; stdout: string; stderr: string }[];
}

/** What `plan --json` prints. */
export interface PlanDocument {
  readonly ok: boolean;
  readonly changes: number;
  readonly members: readonly {
    name: string;
    restarts: string[];
    steps: { kind: string; target: string; reason: string; verb?: string; diff?: string }[];
  }[];
  readonly quorum: { verdict: string; stages: { members: string[]; during: object }[]; rolled: string[] } | null;
  readonly failures: readonly { member: string; message: string; hint?: string }[];
}
