import type { Duplex, Readable, Writable } from 'node:stream';

/** How to reach one host and how to know that it is the right one. */
export interface SshTarget {
  /** The member's name, for messages. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The only private key file to try; without it `identities`, otherwise the agent and the usual keys in ~/.ssh. */
  readonly identityFile?: string;
  /** What the user's ssh configuration says about keys. */
  readonly identities?: {
    /** Private key files in the order in which to offer them; those that are not there are passed over. */
    readonly files: readonly string[];
    /** Offer these keys alone, also from the agent (IdentitiesOnly). */
    readonly only: boolean;
    /** Socket of the agent, `false` for none; the pool's own where absent. */
    readonly agent?: string | false;
  };
  /** The host's public key (`ssh-ed25519 AAAA…`) where the config gives it; otherwise known_hosts decides. */
  readonly hostKey?: string;
  /** What the user's ssh configuration says about host keys. */
  readonly trust?: {
    /** More known_hosts files to read, never written to. */
    readonly files: readonly string[];
    /** The name that stands for the host in known_hosts (HostKeyAlias). */
    readonly alias?: string;
    /** A file of keys that no host may have (RevokedHostKeys). */
    readonly revoked?: string;
    /** How authorities may sign host certificates (CASignatureAlgorithms). */
    readonly algorithms?: readonly string[];
    /** Bits of the shortest RSA key that a host may have. */
    readonly leastRsa?: number;
  };
  /** What the user's ssh configuration says about the way there. */
  readonly dial?: {
    /** Connect to addresses of this family alone. */
    readonly family?: 4 | 6;
    /** The address of this machine to connect from. */
    readonly from?: string;
  };
  /** Algorithms to offer, where the user's ssh configuration allows fewer than coreup knows. */
  readonly algorithms?: {
    readonly kex?: readonly string[];
    readonly cipher?: readonly string[];
    readonly hmac?: readonly string[];
    /** Any names of algorithms; those that coreup does not know mean nothing. */
    readonly hostKey?: readonly string[];
  };
  /** The host to go through, which may itself be behind another one. */
  readonly jump?: SshTarget;
}

/** A script for the host's POSIX shell. It travels on stdin, so nothing of it shows in a process list. */
export interface Script {
  readonly text: string;
  /** Bytes that the script finds on its stdin. What comes by and by goes to the first attempt only, should sudo refuse it. */
  readonly input?: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  /** Run as root: through sudo where the user is not root. */
  readonly sudo?: boolean;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds after which the run is given up and SSH_TIMEOUT thrown. */
  readonly timeout?: number;
  readonly onStdout?: (chunk: Buffer) => void;
  /** It runs as long as others do, so nobody waits for its session to become free. */
  readonly standing?: boolean;
}

/** How a remote process ended: by an exit code or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface RunResult extends Exit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Where an interactive or streamed command reads and writes. */
export interface Streams {
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Ask for a terminal on the host; `stdin` is put into raw mode and resizes of `stdout` are passed on. */
  readonly terminal?: boolean;
  /** Run the command as root: through sudo where the user is not root. */
  readonly sudo?: boolean;
  readonly signal?: AbortSignal;
}

/** A port of a host whose connections come here, over SSH. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections; those that are open stay. Does not fail. */
  close(): Promise<void>;
}

/** One authenticated connection; everything to this host goes over it. */
export interface Connection {
  readonly target: SshTarget;
  /** Runs a script and collects its output. A non-zero exit is a result; a lost connection throws SSH_LOST. */
  run(script: Script, options?: RunOptions): Promise<RunResult>;
  /** Streams a command (or, without one, the login shell). Resolves when it has ended and the output is flushed. */
  attach(command: string | undefined, streams: Streams): Promise<Exit>;
  /** Opens a TCP stream from the host to `host:port`. */
  forward(host: string, port: number): Promise<Duplex>;
  /** Opens a stream from the host to a Unix socket there, as the user who is logged in. */
  forwardSocket(path: string): Promise<Duplex>;
  /**
   * Listens on the host at `host:port` (port 0: any that is free), and hands each connection over as a stream. Ends with
   * this connection. Throws SSH_PORT_TAKEN where something else listens there, SSH_LISTEN where sshd does not allow it.
   */
  listen(host: string, port: number, onStream: (stream: Duplex) => void): Promise<Listener>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds in which a connection must stand; retried with back-off until then. 0 tries once. */
  readonly deadline: number;
  /** Told before each retry, with what went wrong. */
  readonly onRetry?: (reason: string) => void;
}

/** The way to hosts. `connect` gives the same connection for the same target while it stands. */
export interface Ssh {
  /** Loads what the first connection needs, so that it need not wait for that: for moments in which others are waited for. */
  prepare(): void;
  connect(target: SshTarget, options: ConnectOptions): Promise<Connection>;
  close(): Promise<void>;
}
