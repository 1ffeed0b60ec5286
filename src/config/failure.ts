import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf, type Location } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { ConfigError } from './errors.js';
import { NeverSettled } from './evaluate.js';

/** The config file that is being loaded. */
export interface Source {
  /** Absolute path. */
  readonly file: string;
  readonly dir: string;
  readonly text: string;
  /** How a path is shown to the person who runs coreup. */
  readonly display: (path: string) => string;
}

/** What was thrown while a config file ran, as an error with the place in the user's file. */
export function loadFailure(source: Source, error: unknown): ConfigError {
  if (error instanceof NeverSettled) return failure(source, undefined, `never finishes: ${error.message}`, error);
  const syntax = syntaxError(error);
  if (syntax) return failure(source, syntax.place, `cannot be read: ${syntax.reason}`, error);
  const missing = missingModule(source, error);
  if (missing) return failure(source, missing.place, `cannot be loaded: ${missing.reason}`, error);
  return failure(source, thrownAt(source, error), `throws an error: ${messageOf(error)}`, error);
}

function failure(source: Source, place: Location | undefined, message: string, cause: unknown): ConfigError {
  const at = place ?? { file: source.file };
  const name = source.display(at.file);
  const location = { ...at, file: name };
  const finding = { ...location, severity: 'error', path: '', message: `${name} ${message}` } as const;
  return new ConfigError([finding], { code: 'CONFIG_FAILED', cause, frame: frameOf(source, at) });
}

/** jiti gives file, line (from 1) and column (from 0) in the text; V8 puts file and line on top of the stack. */
function syntaxError(error: unknown): { reason: string; place: Location } | undefined {
  const [, reason = '', file = '', line, column] =
    /^ParseError: ([\s\S]*?)\s+((?:\/|file:)\S.*):(\d+):(\d+)/.exec(messageOf(error)) ?? [];
  if (line !== undefined) return { reason, place: { file, line: Number(line), column: Number(column) + 1 } };
  if (!(error instanceof SyntaxError)) return undefined;
  const [, top = '', topLine] = /^((?:\/|file:).*):(\d+)\n/.exec(error.stack ?? '') ?? [];
  return topLine === undefined
    ? undefined
    : { reason: error.message, place: { file: toPath(top), line: Number(topLine) } };
}

function missingModule(source: Source, error: unknown): { reason: string; place: Location } | undefined {
  const [, specifier] = /^Cannot find (?:module|package) '(.+?)'/.exec(messageOf(error)) ?? [];
  if (specifier === undefined) return undefined;
  const importer = /Require stack:\n- (.+)/.exec(messageOf(error))?.[1] ?? source.file;
  const text = textOf(source, importer) ?? '';
  const offset = [`'${specifier}'`, `"${specifier}"`].map((spelt) => text.indexOf(spelt)).find((at) => at >= 0);
  const reason = `it imports ${specifier}, which cannot be found`;
  if (offset === undefined) return { reason, place: { file: importer } };
  const before = text.slice(0, offset).split('\n');
  return { reason, place: { file: importer, line: before.length, column: (before.at(-1) ?? '').length + 1 } };
}

/** The innermost call on the stack that is in the user's own files. */
function thrownAt(source: Source, error: unknown): Location | undefined {
  const { file, dir } = source;
  if (!(error instanceof Error)) return undefined;
  const frames = (error.stack ?? '').split('\n').flatMap((line): Required<Location>[] => {
    const [, path, row, column] = /((?:file:\/\/)?\/.*?):(\d+):(\d+)\)?$/.exec(line) ?? [];
    return path === undefined ? [] : [{ file: toPath(path), line: Number(row), column: Number(column) }];
  });
  const isTheirs = (path: string): boolean => path.startsWith(`${dir}/`) && !path.includes('/node_modules/');
  const isOurs = (path: string): boolean => path.startsWith(OWN_DIRECTORY);
  const found = frames.find((frame) => frame.file === file || (isTheirs(frame.file) && !isOurs(frame.file)));
  if (found === undefined) return undefined;
  // What jiti puts before the first line moves its columns.
  const written = textOf(source, found.file)?.split('\n')[found.line - 1]?.length ?? Infinity;
  return found.column <= written ? found : { file: found.file, line: found.line };
}

/** Our own code is on the stack too, and a project directory can be above it. */
const OWN_DIRECTORY = fileURLToPath(new URL('..', import.meta.url));

function toPath(path: string): string {
  return path.startsWith('file:') ? fileURLToPath(path) : path;
}

function frameOf(source: Source, { file, line, column }: Location): string | undefined {
  const text = line === undefined ? undefined : textOf(source, file);
  return line === undefined || text === undefined ? undefined : codeFrame(text, line, column ?? 1);
}

function textOf(source: Source, file: string): string | undefined {
  if (file === source.file) return source.text;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
