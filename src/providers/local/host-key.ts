import { generateKeyPair, type KeyPair } from '../../ssh/keys.js';

/** Makes a host's ed25519 key; the public half has no comment, as known_hosts wants it. */
export async function generateHostKey(comment: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(comment);
  return { privateKey, publicKey: publicKey.split(' ').slice(0, 2).join(' ') };
}
