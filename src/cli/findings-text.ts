import { painter } from '../report/color.js';
import type { Issue, ValidateResult } from '../actions/validate.js';
import { printable } from './printable.js';

/** Nobody reads more of them, and each one costs a look at the file. */
const MAX_FRAMES = 100;

/** What `validate` prints: each finding with its place, its lines and what to write instead, and a summary. */
export function findingsText(
  result: ValidateResult,
  frameOf: (issue: Issue) => string | undefined,
  colors: boolean,
): string {
  const color = painter(colors, process.stdout);
  const paint = { error: color.red, warning: color.yellow, info: color.cyan };
  const blocks = result.issues.map((issue, index) => {
    const frame = index < MAX_FRAMES ? frameOf(issue) : undefined;
    const lines = [`${placeOf(issue)}: ${paint[issue.severity](issue.severity)}: ${printable(issue.message)}`];
    if (frame !== undefined) lines.push(printable(frame));
    if (issue.hint) lines.push(`${color.cyan('→')} ${printable(issue.hint)}`);
    return `${lines.join('\n')}\n`;
  });
  const verdict = result.valid ? color.green('Valid') : color.red('Not valid');
  return [...blocks, `${verdict}: ${summary(result)}.\n`].join('\n');
}

function placeOf({ file, line, column }: Issue): string {
  return [printable(file), line, column].filter((part) => part !== null && part !== '').join(':');
}

function summary({ issues, files }: ValidateResult): string {
  const counts = (['error', 'warning', 'info'] as const).flatMap((severity) => {
    const count = issues.filter((issue) => issue.severity === severity).length;
    const word = severity === 'info' ? 'note' : severity;
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`];
  });
  const where = files.length > 6 ? `${files.length} files` : files.join(', ');
  return `${where}${counts.length === 0 ? '' : `; ${counts.join(', ')}`}`;
}
