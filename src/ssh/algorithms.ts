import type { ServerHostKeyAlgorithm } from 'ssh2';

/**
 * The key exchange is not what costs here (a login takes 40 ms, most of it sshd's forks): X25519 because everybody has
 * it. AES-GCM before ChaCha20: 64 MB cost Node 100 to 160 ms of CPU, against 200 to 290 for ChaCha20 where ssh2's native
 * part is not built. No compression: it doubles the time on a fast link. The rest is there for hosts that lack these.
 */
export const ALGORITHMS = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const;

export const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];
