import type ssh2 from 'ssh2';
import type {
  BaseAgent,
  IdentityCallback,
  KnownPublicKeys,
  ParsedKey,
  SignCallback,
  SigningRequestOptions,
} from 'ssh2';

/**
 * The agent, but offering one key only (like `IdentitiesOnly yes`): each refused key counts against the server's
 * MaxAuthTries, so an agent full of other keys would lock the right one out.
 *
 * @param publicBlob the key to offer; undefined offers all, where the public half is not known
 */
export function agentWithOnly(library: typeof ssh2, socket: string, publicBlob: Buffer | undefined): BaseAgent {
  const agent = new library.OpenSSHAgent(socket);
  if (publicBlob === undefined) return agent;

  class OneKeyAgent extends library.BaseAgent<ParsedKey> {
    override getIdentities(callback: IdentityCallback<ParsedKey>): void {
      agent.getIdentities((error, keys) => {
        if (error) callback(error);
        else callback(undefined, keys?.filter((key) => wanted(key)) ?? []);
      });
    }

    override sign(
      key: ParsedKey,
      data: Buffer,
      options: SigningRequestOptions | SignCallback,
      callback?: SignCallback,
    ): void {
      if (typeof options === 'function') agent.sign(key, data, {}, options);
      else agent.sign(key, data, options, callback);
    }
  }

  function wanted(key: KnownPublicKeys<ParsedKey>[number]): boolean {
    // OpenSSHAgent gives parsed keys; the wrapped form of the types is for agents of other makes.
    return 'getPublicSSH' in key && key.getPublicSSH().equals(publicBlob as Buffer);
  }

  return new OneKeyAgent();
}
