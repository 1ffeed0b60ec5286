import type { Duplex } from 'node:stream';

/**
 * Calls `onDead` once when nothing at all has come from the peer for `count` keepalive intervals.
 *
 * ssh2 sends the keepalive requests; a live peer answers each. Its own counting looks at those answers only, and they
 * queue behind the data of a large upload on a slow link; bytes received (window updates included) are the better sign.
 *
 * @param interval milliseconds
 * @returns a function that stops watching
 */
export function watchLiveness(socket: Duplex, interval: number, count: number, onDead: () => void): () => void {
  let silent = 0;
  const onData = () => {
    silent = 0;
  };
  socket.on('data', onData);
  const timer = setInterval(() => {
    if (silent++ < count) return;
    clearInterval(timer);
    onDead();
  }, interval);
  timer.unref();
  return () => {
    socket.off('data', onData);
    clearInterval(timer);
  };
}
