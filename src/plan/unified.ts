/** Unchanged lines around a change. */
const CONTEXT = 3;
/** Above this product of lines, the search for what is common takes too long: all of them are replaced. */
const MOST = 4_000_000;

/** One line of a comparison: kept, taken out or put in. */
interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/**
 * What turns one text into another, as `diff -u` shows it, without the two lines that name the files. A text that does
 * not end with a line break has the mark of diff(1) after its last line. Pure.
 *
 * @returns '' for equal texts
 */
export function unifiedDiff(before: string, after: string): string {
  const lines = compare(linesOf(before), linesOf(after));
  return hunksOf(lines)
    .map(([start, end]) => hunk(lines, start, end))
    .join('');
}

/** The break belongs to its line, so that the last one differs where only its break does. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : (text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
}

function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const shorter = Math.min(before.length, after.length) - start;
  while (end < shorter && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const same = (text: string): Line => ({ mark: ' ', text });
  return [
    ...before.slice(0, start).map(same),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** By the longest common subsequence, whose lengths are found from the end. */
function middle(before: readonly string[], after: readonly string[]): readonly Line[] {
  const width = after.length + 1;
  if (before.length * after.length > MOST) return replaced(before, after);
  const common = new Uint32Array((before.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      common[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < before.length && column < after.length) {
    const [old = '', fresh = ''] = [before[row], after[column]];
    if (old === fresh) lines.push({ mark: ' ', text: old });
    else if (at(row + 1, column) >= at(row, column + 1)) lines.push({ mark: '-', text: old });
    else lines.push({ mark: '+', text: fresh });
    const { mark } = lines.at(-1) ?? { mark: ' ' };
    if (mark !== '+') row++;
    if (mark !== '-') column++;
  }
  return [...lines, ...replaced(before.slice(row), after.slice(column))];
}

function replaced(before: readonly string[], after: readonly string[]): readonly Line[] {
  return [...before.map((text): Line => ({ mark: '-', text })), ...after.map((text): Line => ({ mark: '+', text }))];
}

/** Ranges of lines that have changes in them, with what is around; those that would touch are one. */
function hunksOf(lines: readonly Line[]): readonly (readonly [number, number])[] {
  const hunks: [number, number][] = [];
  lines.forEach(({ mark }, index) => {
    if (mark === ' ') return;
    const [start, end] = [Math.max(0, index - CONTEXT), Math.min(lines.length, index + 1 + CONTEXT)];
    const last = hunks.at(-1);
    if (last && start <= last[1]) last[1] = end;
    else hunks.push([start, end]);
  });
  return hunks;
}

function hunk(lines: readonly Line[], start: number, end: number): string {
  const own = lines.slice(start, end);
  // Lines of one side: all but those that only the other one has.
  const range = (mark: '-' | '+', other: '-' | '+'): string => {
    const count = (part: readonly Line[]): number => part.filter((line) => line.mark !== other).length;
    const [skipped, length] = [count(lines.slice(0, start)), count(own)];
    return `${mark}${length === 0 ? skipped : skipped + 1}${length === 1 ? '' : `,${length}`}`;
  };
  const body = own.map(({ mark, text }) =>
    text.endsWith('\n') ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ ${range('-', '+')} ${range('+', '-')} @@\n${body.join('')}`;
}
