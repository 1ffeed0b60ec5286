import { createLogUpdate } from 'log-update';

/** Shows a text that changes with time. */
export interface Screen {
  show(text: string): void;
  /** What was shown last stays. */
  end(): void;
}

/**
 * On a terminal the text is redrawn in its place; elsewhere it is printed once for each change, with an empty line between
 * two texts.
 */
export function createScreen(out: NodeJS.WriteStream): Screen {
  return out.isTTY ? liveScreen(out) : plainScreen(out);
}

function liveScreen(out: NodeJS.WriteStream): Screen {
  const draw = createLogUpdate(out);
  return {
    show: (text) => {
      draw(fitting(text.trimEnd(), out.rows || 24));
    },
    end: () => {
      draw.done();
    },
  };
}

/** More lines than the terminal has could not be taken back. */
function fitting(text: string, rows: number): string {
  const lines = text.split('\n');
  const room = Math.max(3, rows - 1);
  if (lines.length <= room) return text;
  const hidden = lines.length - room + 1;
  return [...lines.slice(0, room - 1), `… and ${hidden} more lines`].join('\n');
}

function plainScreen(out: Pick<NodeJS.WriteStream, 'write'>): Screen {
  let last: string | undefined;
  return {
    show: (text) => {
      if (text === last) return;
      out.write(last === undefined ? text : `\n${text}`);
      last = text;
    },
    end: () => undefined,
  };
}
