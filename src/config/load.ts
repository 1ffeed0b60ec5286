import { readFile } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { InputError, messageOf } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { checkConfig } from './check.js';
import { ConfigError, type Finding } from './errors.js';
import { evaluate } from './evaluate.js';
import { loadFailure, type Source } from './failure.js';
import type { Issue } from './issues.js';
import { resolveConfig, type ResolvedConfig } from './resolve.js';

export type { ResolvedConfig };

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Absolute path of the config file. */
  readonly file: string;
  /** The project directory: the one that the config file is in. */
  readonly dir: string;
  readonly warnings: readonly Finding[];
}

/**
 * Loads and checks a config file.
 *
 * @param options.file as given with --config, relative to `cwd`; by default `config.ts`
 * @throws InputError CONFIG_NOT_FOUND or CONFIG_UNREADABLE
 * @throws ConfigError CONFIG_FAILED if the file cannot be run, CONFIG_INVALID with all that is wrong with what it exports
 */
export async function loadConfig(options: { file?: string | undefined; cwd: string }): Promise<LoadedConfig> {
  const source = await readSource(options);
  let given: unknown;
  try {
    given = await evaluate(source.file, source.text);
  } catch (error) {
    throw loadFailure(source, error);
  }
  if (given === undefined) throw nothingExported(source);

  const checked = checkConfig(given);
  const resolved = checked.config && resolveConfig(checked.config, source.dir);
  const issues = [...checked.issues, ...(resolved?.issues ?? [])];
  const findings = issues.length === 0 ? [] : await locateIssues(source, issues);
  if (!resolved || issues.some((issue) => issue.severity === 'error')) throw invalid(source, findings);
  return { config: resolved.config, file: source.file, dir: source.dir, warnings: findings };
}

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

async function readSource({ file: given, cwd }: { file?: string | undefined; cwd: string }): Promise<Source> {
  const file = resolve(cwd, given ?? 'config.ts');
  const name = display(file);
  const unreadable = (reason: string, hint: string, cause?: unknown): InputError =>
    new InputError(`${name} ${reason}`, { code: 'CONFIG_UNREADABLE', hint, cause, location: { file: name } });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw notFound(given, file, cwd);
    if (code === 'EISDIR') {
      throw unreadable('is a directory, not a config file', `Name the file in it: --config ${join(name, 'config.ts')}`);
    }
    throw unreadable(`cannot be read: ${messageOf(error)}`, 'Make it readable for this user.', error);
  }
  if (!EXTENSIONS.includes(extname(file))) {
    throw unreadable('is neither TypeScript nor JavaScript', `A config file ends in ${EXTENSIONS.join(', ')}.`);
  }
  return { file, dir: dirname(file), text, display };

  function display(path: string): string {
    const short = relative(cwd, path);
    return short.startsWith('..') ? path : short;
  }
}

function notFound(given: string | undefined, file: string, cwd: string): InputError {
  const what = given === undefined ? `there is no config.ts in ${cwd}` : `there is no config file ${file}`;
  return new InputError(what, {
    code: 'CONFIG_NOT_FOUND',
    hint: 'Run `coreup init` to write one here, or name one with --config FILE.',
    location: { file },
  });
}

function nothingExported(source: Source): ConfigError {
  const file = source.display(source.file);
  const what = source.text.trim() === '' ? 'is empty' : 'has no default export, or exports undefined';
  return new ConfigError([{ file, line: 1, column: 1, severity: 'error', path: '', message: `${file} ${what}` }], {
    code: 'CONFIG_INVALID',
    hint: 'A config ends in: export default defineConfig({ … }). `coreup init` writes one to start from.',
  });
}

async function locateIssues(source: Source, issues: readonly Issue[]): Promise<readonly Finding[]> {
  const { locator } = await import('./locate.js');
  const { formatPath } = await import('./key-path.js');
  const locate = await locator(source.text);
  const file = source.display(source.file);
  return issues
    .map(({ path, message, severity, at }) => ({
      file,
      ...locate(path, at),
      severity,
      message,
      path: formatPath(path),
    }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

function invalid(source: Source, findings: readonly Finding[]): ConfigError {
  // Errors first, so that the location and the frame are those of an error.
  const [first, ...more] = findings.toSorted((a, b) => a.severity.localeCompare(b.severity));
  if (!first) throw new RangeError('a config without findings is valid');
  const { line, column } = first;
  return new ConfigError([first, ...more], {
    code: 'CONFIG_INVALID',
    hint: 'docs/config.md describes every key.',
    frame: line === undefined ? undefined : codeFrame(source.text, line, column ?? 1),
  });
}
