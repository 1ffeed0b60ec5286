import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve('.');

/** Makes plain modules of sources, for processes of their own. @returns where they are, laid out as in the project */
export function compile(sources: readonly string[]): string {
  const out = mkdtempSync(join(tmpdir(), 'coreup-compiled-'));
  writeFileSync(join(out, 'package.json'), '{"type":"module"}');
  for (const source of sources) {
    const target = join(out, relative(ROOT, resolve(source)).replace(/\.ts$/, '.js'));
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  return out;
}
