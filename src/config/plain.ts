import { Script } from 'node:vm';

/** What `import { … } from 'coreup'` gives. */
type Exports = Readonly<Record<string, unknown>>;

/**
 * Evaluates a config file that is plain JavaScript apart from `import { defineConfig } from 'coreup'` and one
 * `export default`, as most config.ts are. This takes about a millisecond, where the TypeScript loader takes 200.
 *
 * Whether the rest is JavaScript is V8's decision: what does not compile is left to the loader, and so is everything
 * that could mean something else here than in a TypeScript module. Lines and columns are those of the file.
 *
 * @param exports what `import { … } from 'coreup'` gives
 * @returns undefined if the file is not that plain; otherwise a function that runs it and gives its default export
 */
export function compilePlain(text: string, file: string, exports: Exports): (() => Promise<unknown>) | undefined {
  const body = plainBody(text);
  if (!body) return undefined;
  const { names, code } = body;
  if (names.some((name) => !Object.hasOwn(exports, name))) return undefined;
  const head = `"use strict";(async (${[...names, '__x'].join(',')}) => {\n`;
  try {
    const script = new Script(`${head}${code}\n})`, { filename: file, lineOffset: -1 });
    const run = script.runInThisContext() as (...values: unknown[]) => Promise<void>;
    return async () => {
      const module: { default?: unknown } = {};
      await run(...names.map((name) => exports[name]), module);
      return module.default;
    };
  } catch {
    return undefined;
  }
}

const IMPORT = /^import \{ ?(\w+(?:, ?\w+)*) ?\} from (['"])coreup\2;?[ \t]*$/gm;
/** A declaration would be an expression after `=`, and its name unknown. */
const EXPORT = /^export default (?!function|class|async function|abstract|interface|enum)/gm;
/** As long as what it replaces, so that columns stay. */
const ASSIGN = '__x.default  = ';
/** `<` could open a type argument, which compiles as a comparison; the names are there in modules alone. */
const NOT_PLAIN = /<|\b(?:import|export|require|module|exports|__\w+)\b/;

function plainBody(text: string): { names: string[]; code: string } | undefined {
  const names: string[] = [];
  let exported = 0;
  const blank = (found: string): string => ' '.repeat(found.length);
  const rest = text
    .replace(IMPORT, (found, list: string) => {
      names.push(...list.split(',').map((name) => name.trim()));
      return blank(found);
    })
    .replace(EXPORT, (found) => {
      exported += 1;
      return blank(found);
    });
  const code = text.replace(IMPORT, blank).replace(EXPORT, ASSIGN);
  return exported === 1 && !NOT_PLAIN.test(withoutComments(rest)) ? { names, code } : undefined;
}

/** Comments go where they are sure to be comments: alone on their lines. Others only cost the short cut. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\/.*$/gm, '').replace(/^[ \t]*\/\*\*?(?:(?!\*\/)[\s\S])*\*\/[ \t]*$/gm, '');
}
