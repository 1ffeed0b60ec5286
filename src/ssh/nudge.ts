import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';

/**
 * Spares the first command on a connection 40 ms. Until a session stands, sshd writes with Nagle's algorithm on: its
 * second small message waits for our acknowledgement of the first, which our kernel delays. Whatever we send carries the
 * acknowledgement at once, so each arrival that ssh2 did not answer gets an answer: the shortest request without a reply
 * that ssh2 offers, taking back a forwarding that was never asked for.
 *
 * @returns a function that ends it, for when the first session stands
 */
export function nudge(client: Client, socket: Duplex): () => void {
  if (!(socket instanceof Socket)) return () => undefined; // through a jump host: its kernel acknowledges
  let written = 0;
  const before = () => {
    written = socket.bytesWritten;
  };
  const after = () => {
    if (socket.writable && socket.bytesWritten === written) client.unforwardIn('', 0);
  };
  socket.prependListener('data', before);
  socket.on('data', after);
  return () => {
    socket.off('data', before);
    socket.off('data', after);
  };
}
