import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { Finding } from '../../../src/config/errors.js';
import type { ResolvedConfig } from '../../../src/config/resolve.js';

/** What came of loading a config in the child process. */
export interface Outcome {
  config?: ResolvedConfig;
  dir?: string;
  warnings?: Finding[];
  error?: {
    name: string;
    code: string;
    message: string;
    exitCode: number;
    hint?: string;
    frame?: string;
    location?: { file: string; line?: number; column?: number };
    findings?: Finding[];
  };
}

const DRIVER = `
import { loadConfig } from './config/load.js';
export async function outcome(options) {
  try {
    return await loadConfig(options);
  } catch (error) {
    const { name, code, message, exitCode, hint, frame, location, findings } = error;
    return { error: { name, code, message, exitCode, hint, frame, location, findings } };
  }
}
process.on('message', async (options) => process.send(await outcome(options)));
if (process.argv[2]) console.log(JSON.stringify(await outcome({ cwd: process.argv[2] })));
`;

/**
 * coreup's loader compiled and installed in a directory of its own, as a global install is: jest's module system is
 * not the one that users have, and the config's directory must not need a node_modules.
 */
export class Installed {
  readonly #root = mkdtempSync(join(tmpdir(), 'coreup-installed-'));
  readonly #driver = join(this.#root, 'dist', 'driver.js');
  #child: ChildProcess | undefined;
  #count = 0;

  constructor() {
    symlinkSync(join(process.cwd(), 'node_modules'), join(this.#root, 'node_modules'));
    cpSync('package.json', join(this.#root, 'package.json'));
    for (const part of ['index.ts', 'config', 'cluster', 'etcd', 'util']) this.#compile(part);
    writeFileSync(this.#driver, DRIVER);
  }

  #compile(part: string): void {
    const names = part.endsWith('.ts')
      ? [part]
      : readdirSync(join('src', part), { recursive: true, encoding: 'utf8' }).map((name) => join(part, name));
    for (const name of names.filter((candidate) => candidate.endsWith('.ts'))) {
      const compiled = ts.transpileModule(readFileSync(join('src', name), 'utf8'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true },
      });
      const path = join(this.#root, 'dist', name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, compiled.outputText);
    }
  }

  /** Writes a project directory and gives its path. */
  project(files: Readonly<Record<string, string>>): string {
    this.#count += 1;
    const dir = join(this.#root, 'projects', `My project ${this.#count}`);
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    return dir;
  }

  /** Loads the config of a new project with these files. */
  async load(files: Readonly<Record<string, string>> | string, file?: string): Promise<Outcome> {
    const cwd = this.project(typeof files === 'string' ? { 'config.ts': files } : files);
    return this.loadIn(cwd, file);
  }

  async loadIn(cwd: string, file?: string): Promise<Outcome> {
    const child = (this.#child ??= fork(this.#driver));
    child.send({ cwd, file });
    const [message] = (await once(child, 'message')) as [Outcome];
    return message;
  }

  /** Loads a config in a process of its own, which can run out of things to do. */
  loadAlone(text: string): { status: number | null; stdout: string; stderr: string } {
    const cwd = this.project({ 'config.ts': text });
    return spawnSync(process.execPath, [this.#driver, cwd], { encoding: 'utf8' });
  }

  remove(): void {
    this.#child?.kill();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
