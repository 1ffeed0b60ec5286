import type ssh2 from 'ssh2';
import type { BaseAgent, IdentityCallback, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';

/** A key that can log in, wherever its private half is. */
export interface Signer {
  /** For messages: the key's file, or the agent. */
  readonly label: string;
  /** At least the public half. */
  readonly key: ParsedKey;
  /** @param hash the hash to sign with, where the key's type leaves a choice */
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/**
 * What ssh2 takes for an agent: the given keys, offered in this order, each signing when the server has accepted it. So
 * no passphrase is asked for a key that the server does not want.
 *
 * @param onFailure told why a key that the server accepted could not sign; ssh2 goes on with the next one
 */
export function keyring(
  library: typeof ssh2,
  signers: readonly Signer[],
  onFailure: (error: Error, signer: Signer) => void,
): BaseAgent {
  class Keyring extends library.BaseAgent<ParsedKey> {
    override getIdentities(callback: IdentityCallback<ParsedKey>): void {
      callback(
        undefined,
        signers.map(({ key }) => key),
      );
    }

    override sign(
      key: ParsedKey,
      data: Buffer,
      options: SigningRequestOptions | SignCallback,
      callback?: SignCallback,
    ): void {
      const [{ hash }, done] = typeof options === 'function' ? [{}, options] : [options, callback];
      const signer = signers.find((candidate) => candidate.key === key);
      if (signer === undefined) throw new RangeError('a key that was not offered');
      signer.sign(data, hash).then(
        (signature) => done?.(undefined, signature),
        (error: unknown) => {
          const reason = error instanceof Error ? error : new Error(String(error));
          onFailure(reason, signer);
          done?.(reason);
        },
      );
    }
  }

  return new Keyring();
}

/** The keys that an agent holds; none where nobody answers at that socket. */
export async function agentSigners(library: typeof ssh2, socket: string): Promise<Signer[]> {
  const agent = new library.OpenSSHAgent(socket);
  const keys = await new Promise<readonly ParsedKey[]>((resolve) => {
    agent.getIdentities((error, found) => {
      // OpenSSHAgent gives parsed keys; the wrapped form of the types is for agents of other makes.
      resolve(error ? [] : ((found ?? []) as readonly ParsedKey[]));
    });
  });
  return keys.map((key) => ({
    label: `the keys of the agent ${socket}`,
    key,
    sign: (data, hash) =>
      new Promise((resolve, reject) => {
        agent.sign(key, data, hash === undefined ? {} : { hash: hash as 'sha256' }, (error, signature) => {
          if (signature === undefined) reject(error ?? new Error('the agent gave no signature'));
          else resolve(signature);
        });
      }),
  }));
}
