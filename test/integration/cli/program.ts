import { afterAll } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program as it is packed: `npm run build` comes first. */
const PROGRAM = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs coreup in a directory, in a pipe and without input, as a script would. */
export function coreup(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, ...args],
      { cwd, env, encoding: 'utf8', maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** A directory with these files; nothing in it is coreup's. It goes with the test file that asked for it. */
export function directoryOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'coreup cli ')));
  made.push(directory);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

/** A config of hosts that nobody can reach, so that a command that should have been refused does no harm. */
export function configOf(hosts = 1, more = ''): string {
  const list = Array.from({ length: hosts }, (_, index) => {
    const address = `127.0.0.${index + 1}`;
    return `{ address: '${address}', private_ipv4: '${address}', port: 1 }`;
  });
  return `export default { cluster_name: 'cli', provider: { kind: 'ssh', hosts: [${list.join(', ')}] }, ${more} };\n`;
}

/** Everything in a directory: mode, time and digest by path. */
export function listing(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name);
      const { mode, mtimeMs } = lstatSync(path);
      const digest = lstatSync(path).isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
      return [name, `${mode.toString(8)} ${mtimeMs} ${digest}`];
    }),
  );
}

/** The findings of `validate --json`. */
export interface Verdict {
  readonly valid: boolean;
  readonly issues: readonly {
    readonly file: string;
    readonly line: number | null;
    readonly column: number | null;
    readonly severity: string;
    readonly message: string;
    readonly path: string;
    readonly rule?: string;
    readonly hint?: string;
  }[];
}

/** `4:7 error etcd-urls`, for comparing whole lists of findings. */
export function short({ issues }: Verdict): readonly string[] {
  return issues.map(({ line, column, severity, rule }) => `${line}:${column} ${severity} ${rule}`);
}
