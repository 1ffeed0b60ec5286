import type { Socket } from 'node:net';

/**
 * Calls `onDead` once when nothing at all has come from the peer for `count` keepalive intervals.
 *
 * ssh2 sends the keepalive requests; a live peer answers each. Its own counting looks at those answers only, and they
 * queue behind the data of a large upload on a slow link; bytes received (window updates included) are the better sign.
 *
 * @param interval milliseconds
 * @returns a function that stops watching
 */
export function watchLiveness(socket: Socket, interval: number, count: number, onDead: () => void): () => void {
  let received = socket.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    if (socket.bytesRead !== received) {
      received = socket.bytesRead;
      silent = 0;
    } else if (++silent > count) {
      clearInterval(timer);
      onDead();
    }
  }, interval);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
