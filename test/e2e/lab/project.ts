import { afterAll } from '@jest/globals';
import { execa, type Options } from 'execa';
import { cp, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quote } from '../../../src/util/shell.js';

export const PROGRAM = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

export interface Ended {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const made: TestProject[] = [];

/** Removes what is left of a test file's projects, except for one that still has hosts: nobody else knows of those. */
afterAll(async () => {
  for (const { directory, dataDir } of made) {
    const empty = await rmdir(dataDir).then(
      () => true,
      (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT',
    );
    if (empty) await rm(directory, { recursive: true, force: true });
  }
});

/** A project directory and the program run in it, as a user runs it. */
export class TestProject {
  private constructor(
    readonly directory: string,
    /** Where local hosts of this project live; apart from any other on the machine. */
    readonly dataDir: string,
  ) {
    made.push(this);
  }

  /** @param files by name; `config` alone is wrapped in `defineConfig` */
  static async create(config: string, files: Readonly<Record<string, string>> = {}): Promise<TestProject> {
    const directory = await mkdtemp(join(tmpdir(), 'coreup e2e '));
    const dataDir = await mkdtemp(join(tmpdir(), 'coreup-e2e-data-'));
    const project = new TestProject(directory, dataDir);
    await project.configure(config);
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    return project;
  }

  /** The same project on another machine, as far as it can tell: a copy of the directory. */
  async copy(): Promise<TestProject> {
    const directory = await mkdtemp(join(tmpdir(), 'coreup e2e '));
    await cp(this.directory, directory, { recursive: true });
    return new TestProject(directory, this.dataDir);
  }

  /** A shell command that runs the program here, for `at` of lab/moments.ts; output and exit code go to a file. */
  command(args: readonly string[], output: string): string {
    const run = [process.execPath, PROGRAM, ...args].map(quote).join(' ');
    const file = quote(output);
    return `cd ${quote(this.directory)} && env -u NODE_OPTIONS ${run} >>${file} 2>&1; echo "exit code $?" >>${file}`;
  }

  /** Writes config.ts anew. */
  async configure(config: string): Promise<void> {
    const text = `import { defineConfig } from 'coreup';\n\nexport default defineConfig(${config});\n`;
    await writeFile(join(this.directory, 'config.ts'), text);
  }

  /** Runs the program to its end, without a terminal. */
  async coreup(
    args: readonly string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<Ended> {
    const running = this.start(args, options.env);
    running.stdin.end(options.input ?? '');
    const { exitCode, signal, stdout, stderr } = await running;
    return { code: exitCode, signal, stdout, stderr };
  }

  /** Starts the program and leaves it to the test to end it. */
  start(args: readonly string[], env: Record<string, string> = {}) {
    const options = {
      cwd: this.directory,
      reject: false,
      stdin: 'pipe',
      env: { COREUP_DATA_DIR: this.dataDir, NO_COLOR: '1', ...env },
    } satisfies Options;
    return execa(process.execPath, [PROGRAM, ...args], options);
  }

  /** Runs a command with `--json` and gives its document, whatever the exit code. */
  async json<T>(args: readonly string[]): Promise<T & { readonly exitCode: number | undefined }> {
    const split = args.indexOf('--');
    const words = split === -1 ? [...args, '--json'] : [...args.slice(0, split), '--json', ...args.slice(split)];
    const { code, stdout, stderr } = await this.coreup(words);
    try {
      return { ...(JSON.parse(stdout) as T), exitCode: code };
    } catch {
      throw new Error(`coreup ${args.join(' ')} printed no JSON document:\n${stdout}\n${stderr}`);
    }
  }

  /** Removes the hosts, then the directories. */
  async dispose(): Promise<void> {
    const ended = await this.coreup(['destroy', '--yes']);
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.dataDir, { recursive: true, force: true });
    if (ended.code !== 0) throw new Error(`destroy ended with ${ended.code}:\n${ended.stderr}`);
  }
}
