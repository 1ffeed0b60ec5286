/**
 * Questions to a person: one at a time, and the time in which one is open counts against no deadline. A login that waits
 * for somebody to find a passphrase is not a host that hangs.
 */
export class Questions {
  #turn: Promise<unknown> = Promise.resolve();
  #open = 0;
  #since = 0;
  #held = 0;

  /** Asks when it is this question's turn. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#open++ === 0) this.#since = performance.now();
    const answer = this.#turn.then(question).finally(() => {
      if (--this.#open === 0) this.#held += performance.now() - this.#since;
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** Milliseconds so far in which a question was open. */
  get held(): number {
    return this.#held + (this.#open > 0 ? performance.now() - this.#since : 0);
  }

  /**
   * Calls `onOver` once when this many milliseconds have passed, without those in which a question was open.
   *
   * @returns a function that ends it
   */
  timer(milliseconds: number, onOver: () => void): () => void {
    const begun = performance.now() - this.held;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const left = milliseconds - (performance.now() - this.held - begun);
      // While a question is open nothing passes: look again now and then.
      const pause = this.#open > 0 ? Math.max(left, LOOK_AGAIN) : left;
      timer = setTimeout(() => {
        if (this.#open === 0 && performance.now() - this.held - begun >= milliseconds - SLACK) onOver();
        else wait();
      }, pause);
    };
    wait();
    return () => {
      clearTimeout(timer);
    };
  }
}

const LOOK_AGAIN = 100;
/** Timers may fire this much early. */
const SLACK = 2;
