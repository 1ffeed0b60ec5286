import type { ErrorCode } from 'yaml';
import type { InputError } from '../util/errors.js';
import { problemAt, type NamedText } from './problem.js';
import type { YamlFault } from './yaml-tokens.js';

/** What is wrong and what to write instead, by the yaml package's error codes. */
const HELP: Partial<Record<ErrorCode, readonly [message: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'Indent with spaces; YAML does not allow tabs there.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second ": " on the line makes a mapping where none can begin',
    'Quote the value, or put the nested key on its own, deeper indented line.',
  ],
  MULTILINE_IMPLICIT_KEY: [
    'this line is no "key: value" (a key cannot span lines)',
    'Is a ":" missing, or is the line indented less than the text it belongs to?',
  ],
  BAD_ALIAS: [
    'this alias does not work',
    'Quote a text that begins with "*"; an alias needs an earlier anchor (&name).',
  ],
  BAD_SCALAR_START: ['a plain text cannot begin with this character', 'Put the value in quotes.'],
  BAD_DQ_ESCAPE: ['unknown escape in a double-quoted text', 'Write "\\\\" for a backslash, or use single quotes.'],
  BAD_INDENT: [
    'the indentation does not fit',
    'Keys of one mapping, and items of one list, must start in the same column.',
  ],
  MULTIPLE_ANCHORS: ['a value can have only one anchor', 'Quote the value if "&" is part of it.'],
  MULTIPLE_TAGS: ['a value can have only one tag', 'Quote the value if "!" is part of it.'],
  BAD_DIRECTIVE: ['a line that begins with "%" is a YAML directive', 'Delete it, or quote the value.'],
  KEY_OVER_1024_CHARS: ['a key is longer than 1024 characters', 'Is a quote or a line break missing before it?'],
};

const GENERAL_HINT = 'Check the indentation and the quotes on this line and the one before it.';

/** The InputError for what the yaml package found: our words where we have them, its own otherwise. */
export function yamlFault(source: NamedText, fault: YamlFault): InputError {
  const [message, hint] = HELP[fault.code] ?? [lowerFirst(fault.message.split('\n')[0] ?? ''), GENERAL_HINT];
  const indent = /^ */.exec(source.text.slice(fault.offset, fault.offset + 1000))?.[0].length ?? 0;
  const atLineStart = fault.offset === 0 || source.text[fault.offset - 1] === '\n';
  const offset = fault.offset + (atLineStart ? indent : 0);
  return problemAt(source, offset, `not valid YAML: ${message}`, `YAML_${fault.code}`, hint);
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
