/** Something that redraws itself on the terminal and must keep off while a person is asked. */
export interface Display {
  pause(): void;
  resume(): void;
}

const displays = new Set<Display>();
let asked: Promise<unknown> = Promise.resolve();

/** @returns a function that ends it */
export function addDisplay(display: Display): () => void {
  displays.add(display);
  return () => displays.delete(display);
}

/** Does something that needs the terminal for itself: one at a time, with all displays out of the way. */
export function inForeground<T>(work: () => Promise<T>): Promise<T> {
  const turn = asked.then(async () => {
    for (const display of displays) display.pause();
    try {
      return await work();
    } finally {
      for (const display of displays) display.resume();
    }
  });
  asked = turn.catch(() => undefined);
  return turn;
}
