import { InputError } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { lineStartsOf, positionIn } from './lines.js';

/** A text of the user's and the name to call it by. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** An InputError for a place in a text: the message starts with file:line:column and a code frame is attached. */
export function problemAt(source: NamedText, offset: number, message: string, code: string, hint: string): InputError {
  const at = positionIn(lineStartsOf(source.text), Math.min(Math.max(offset, 0), source.text.length));
  return new InputError(`${source.file}:${at.line}:${at.column}: ${message}`, {
    code,
    hint,
    location: { file: source.file, line: at.line, column: at.column },
    frame: codeFrame(source.text, at.line, at.column),
  });
}
