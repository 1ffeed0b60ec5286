import { readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoreupError, messageOf } from '../util/errors.js';
import { makeDirectories, writeFileAtomic } from '../util/fs.js';
import { keyIn, readCertificate, type Certificate } from './certificate.js';

/** Whose a certificate is, and what for. */
export interface Identity {
  /** A member's name; absent for coreup itself. */
  readonly member?: string;
  readonly kind: Kind;
}

export const KINDS = ['server', 'peer', 'client'] as const;
/** `server`: to clients of etcd. `peer`: between members. `client`: of etcdctl and fleet on a host, and of coreup. */
export type Kind = (typeof KINDS)[number];

/** A certificate with its key, as it is kept. */
export interface Entry {
  readonly certificate: Certificate;
  readonly key: string;
}

/** Who signs, and whose signature counts. */
export interface Authorities {
  readonly issuer: Entry;
  /** Oldest first. */
  readonly trusted: readonly Certificate[];
  /**
   * How far a change of the authority has come: `introduced`, the new one is trusted beside the old; `replaced`, it has
   * signed everything anew, and the old one is still trusted; `settling`, it is not any more, but hosts may not know yet.
   */
  readonly stage: 'settled' | 'introduced' | 'replaced' | 'settling';
}

/** What coreup needs to speak to etcd: its own certificate and key, and whom it believes. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A renewal that was asked for, and is not over. */
export interface Renewal {
  /** What was issued before is to be issued again. */
  readonly since: Date;
  /** Members; absent: all, and coreup itself. */
  readonly members?: readonly string[];
}

/** Texts by path. */
export type PkiSnapshot = ReadonlyMap<string, string>;

const AUTHORITY = 'ca.pem';
const NEXT = 'ca-next.pem';
const OLD = 'ca-old.pem';
const SETTLING = 'settling';
const OWN = 'coreup.pem';
const RENEWAL = 'renewal.json';

/**
 * The certificates of a project, in `.coreup/pki` (0700, files 0600). A certificate and its key are one file, which is
 * replaced as a whole: what an interruption leaves is complete, and what is missing is made by the next run. Where a
 * change of the authority has come to shows in which files there are.
 */
export class PkiStore {
  constructor(readonly directory: string) {}

  pathOf({ member, kind }: Identity): string {
    return member === undefined ? join(this.directory, OWN) : join(this.directory, 'members', member, `${kind}.pem`);
  }

  /** @returns undefined where there is none, or it cannot be read as one */
  async entry(identity: Identity): Promise<Entry | undefined> {
    return parse(await this.#read(this.pathOf(identity)));
  }

  async write(identity: Identity, pem: string): Promise<void> {
    const path = this.pathOf(identity);
    for (const directory of [this.directory, join(this.directory, 'members'), dirname(path)]) {
      await makeDirectories(directory, 0o700);
    }
    await writeFileAtomic(path, pem, 0o600);
  }

  /** Everybody who has a certificate here. */
  async members(): Promise<readonly string[]> {
    return (await readdir(join(this.directory, 'members')).catch(() => [])).sort();
  }

  /**
   * @returns undefined where there is no authority yet
   * @throws CoreupError PKI_UNREADABLE where it is there and cannot be read
   */
  async authorities(): Promise<Authorities | undefined> {
    const [issuer, next, old] = await Promise.all([AUTHORITY, NEXT, OLD].map((name) => this.#authority(name)));
    if (issuer === undefined) return undefined;
    const isNew = (one: Certificate | undefined): one is Certificate =>
      one !== undefined && one.fingerprint !== issuer.certificate.fingerprint;
    const others = [old?.certificate, next?.certificate].filter(isNew);
    const trusted = [issuer.certificate, ...others].sort(
      (a, b) => a.validFrom.getTime() - b.validFrom.getTime() || (a.fingerprint < b.fingerprint ? -1 : 1),
    );
    const settling = (await this.#read(join(this.directory, SETTLING))) !== undefined;
    const end = settling ? 'settling' : 'settled';
    const stage = next !== undefined ? 'introduced' : others.length > 0 ? 'replaced' : end;
    return { issuer, trusted, stage };
  }

  /** Puts the first authority into place, or another spelling (another passphrase) of the present one. */
  async writeAuthority(pem: string): Promise<void> {
    await makeDirectories(this.directory, 0o700);
    await writeFileAtomic(join(this.directory, AUTHORITY), pem, 0o600);
  }

  /** A new authority beside the present one: trusted, and signing nothing yet. */
  async introduce(pem: string): Promise<void> {
    await writeFileAtomic(join(this.directory, NEXT), pem, 0o600);
  }

  /** From now on the new authority signs; the old one is still trusted. */
  async replace(): Promise<void> {
    const present = await this.#authority(AUTHORITY);
    // Without its key: it signs nothing any more.
    if (present) await writeFileAtomic(join(this.directory, OLD), present.certificate.pem, 0o600);
    await rename(join(this.directory, NEXT), join(this.directory, AUTHORITY));
  }

  /** From now on nobody is to trust the old authority any more. */
  async settle(): Promise<void> {
    await writeFileAtomic(join(this.directory, SETTLING), '', 0o600);
    await rm(join(this.directory, OLD), { force: true });
  }

  /** Nobody does. */
  async settled(): Promise<void> {
    await rm(join(this.directory, SETTLING), { force: true });
  }

  /** Everything that is kept here, so that it can be made what it is now again. */
  async snapshot(): Promise<PkiSnapshot> {
    const members = (await this.members()).flatMap((member) => KINDS.map((kind) => this.pathOf({ member, kind })));
    const own = [AUTHORITY, NEXT, OLD, SETTLING, OWN, RENEWAL].map((name) => join(this.directory, name));
    const texts = await Promise.all([...own, ...members].map(async (path) => [path, await this.#read(path)] as const));
    return new Map(texts.flatMap(([path, text]) => (text === undefined ? [] : [[path, text] as const])));
  }

  /** Makes it what it was: for what was made for a change that is not to be after all, and of which no host knows. */
  async restore(before: PkiSnapshot): Promise<void> {
    const now = await this.snapshot();
    for (const [path, text] of before) if (now.get(path) !== text) await writeFileAtomic(path, text, 0o600);
    for (const path of now.keys()) if (!before.has(path)) await rm(path, { force: true });
  }

  async renewal(): Promise<Renewal | undefined> {
    const text = await this.#read(join(this.directory, RENEWAL));
    if (text === undefined) return undefined;
    const { since, members } = JSON.parse(text) as { since: string; members?: readonly string[] };
    return { since: new Date(since), ...(members === undefined ? {} : { members }) };
  }

  /** @param renewal undefined once it is over */
  async setRenewal(renewal: Renewal | undefined): Promise<void> {
    const path = join(this.directory, RENEWAL);
    if (renewal === undefined) await rm(path, { force: true });
    else await writeFileAtomic(path, `${JSON.stringify(renewal)}\n`, 0o600);
  }

  /**
   * What coreup shows to etcd, read at once: a client asks for it when it connects.
   *
   * @throws CoreupError PKI_MISSING before the first `up`
   */
  credentials(): Credentials {
    const read = (name: string): string | undefined => {
      try {
        return readFileSync(join(this.directory, name), 'utf8');
      } catch {
        return undefined;
      }
    };
    const own = parse(read(OWN));
    const trusted = [AUTHORITY, NEXT, OLD].flatMap((name) => readCertificate(read(name) ?? '')?.pem ?? []);
    if (own === undefined || trusted.length === 0) {
      throw new CoreupError(`there are no certificates for etcd in ${this.directory}`, {
        code: 'PKI_MISSING',
        hint: '`coreup up` makes them. If the cluster runs already, it was set up from another copy of this directory.',
      });
    }
    return { ca: trusted.join(''), cert: own.certificate.pem, key: own.key };
  }

  async #authority(name: string): Promise<Entry | undefined> {
    const path = join(this.directory, name);
    const text = await this.#read(path);
    if (text === undefined) return undefined;
    const certificate = readCertificate(text);
    if (certificate) return { certificate, key: keyIn(text) ?? '' };
    throw new CoreupError(`${path} is no certificate`, {
      code: 'PKI_UNREADABLE',
      hint: 'Bring .coreup/pki back from a copy.',
    });
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new CoreupError(`cannot read ${path}: ${messageOf(error)}`, {
        code: 'PKI_UNREADABLE',
        hint: 'Make .coreup/pki readable for this user, and for nobody else.',
        cause: error,
      });
    }
  }
}

function parse(text: string | undefined): Entry | undefined {
  const certificate = readCertificate(text ?? '');
  const key = keyIn(text ?? '');
  return certificate && key !== undefined ? { certificate, key } : undefined;
}
