import Handlebars from 'handlebars';
import { InputError } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import type { TemplateContext } from './context.js';

/**
 * Compiles a template.
 *
 * @param source the Handlebars text and the file it comes from, for messages
 * @param hint what the template may name
 * @returns a function from a context to the text; `whom` it is for goes into messages
 * @throws InputError TEMPLATE_INVALID for bad syntax, and, on rendering, for a variable that does not exist
 */
export function compileTemplate(
  source: { file: string; text: string },
  hint = 'Templates know cluster.name, cluster.members, member.{index,name,role,public_ipv4,private_ipv4,metadata} and etcd.* of the discovery mode.',
): (context: TemplateContext | Readonly<Record<string, unknown>>, whom: string) => string {
  // strict: a misspelt variable is an error, not an empty string; noEscape: this is YAML, not HTML.
  const options = { strict: true, noEscape: true, knownHelpersOnly: true };
  let render: HandlebarsTemplateDelegate;
  try {
    // Handlebars parses and compiles on the first call; parsing here finds bad syntax before there is a member.
    render = Handlebars.compile(Handlebars.parse(source.text), options);
  } catch (error) {
    throw templateError(source, error, 'cannot be read', hint);
  }
  return (context, whom) => {
    try {
      return render(context, { helpers: STRICT_BLOCKS });
    } catch (error) {
      throw templateError(source, error, `cannot be rendered for ${whom}`, hint);
    }
  };
}

/**
 * Handlebars' strict mode does not look at the arguments of blocks: over a misspelt list `each` would silently say nothing.
 * (`if` stays as it is, to ask for what may not be there.)
 */
const STRICT_BLOCKS = Object.fromEntries(
  ['each', 'with'].map((name) => [
    name,
    function (this: unknown, value: unknown, options: Handlebars.HelperOptions & { readonly loc?: Place }): unknown {
      if (value === undefined) throw new UnknownInBlock(name, options.loc);
      return Handlebars.helpers[name]?.call(this, value, options);
    },
  ]),
);

interface Place {
  readonly start: { readonly line: number; readonly column: number };
}

class UnknownInBlock extends Error {
  readonly lineNumber: number | undefined;
  readonly column: number | undefined;

  constructor(block: string, place: Place | undefined) {
    super(`there is no such variable as {{#${block}}} is given`);
    this.lineNumber = place?.start.line;
    this.column = place?.start.column;
  }
}

function templateError(source: { file: string; text: string }, error: unknown, what: string, hint: string): InputError {
  const { message } = error as Error;
  // A parse error says "on line N", an unknown variable carries lineNumber and column ("- L:C" in its text).
  const line = (error as { lineNumber?: number }).lineNumber ?? lineOf(message);
  const column = (error as { column?: number }).column;
  const reason = message.split('\n').at(-1)?.trim() ?? message;
  return new InputError(
    `the template ${source.file} ${what}: ${explain(message, pathAt(source.text, line, column)) ?? reason}`,
    {
      code: 'TEMPLATE_INVALID',
      hint,
      cause: error,
      ...(line === undefined
        ? {}
        : {
            location: { file: source.file, line, ...(column === undefined ? {} : { column: column + 1 }) },
            frame: codeFrame(source.text, line, column === undefined ? 1 : column + 1),
          }),
    },
  );
}

function lineOf(message: string): number | undefined {
  const found = /line (\d+)/.exec(message)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The whole path at a place: Handlebars names only the part that is missing, which is `name` for `membr.name`. */
function pathAt(text: string, line: number | undefined, column: number | undefined): string | undefined {
  if (line === undefined || column === undefined) return undefined;
  return /^[\w@./-]+/.exec(text.split('\n')[line - 1]?.slice(column) ?? '')?.[0];
}

function explain(message: string, path: string | undefined): string | undefined {
  const name = /"(.+)" not defined/.exec(message)?.[1];
  return name === undefined ? undefined : `there is no variable "${path ?? name}"`;
}
