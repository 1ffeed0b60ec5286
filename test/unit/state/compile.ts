import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve('.');

/**
 * Makes plain modules of sources and of all that they import from the project, for processes of their own.
 * @returns where they are, laid out as in the project
 */
export function compile(sources: readonly string[]): string {
  const out = mkdtempSync(join(tmpdir(), 'coreup-compiled-'));
  writeFileSync(join(out, 'package.json'), '{"type":"module"}');
  const wanted = new Set(sources.map((source) => resolve(source)));
  // A set that grows while it is walked: each module brings those that it imports at run time.
  for (const source of wanted) {
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    const target = join(out, relative(ROOT, source).replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
    for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
      if (fileName.startsWith('.')) wanted.add(resolve(dirname(source), fileName.replace(/\.js$/, '.ts')));
    }
  }
  return out;
}
