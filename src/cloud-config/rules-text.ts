import type { Found } from './finding.js';
import type { ConfigRule } from './rule.js';
import { missingVariables, SUBSTITUTION_VARIABLES, variableUses } from './substitute.js';
import { nearest } from '../util/nearest.js';

const unresolved: ConfigRule = {
  name: 'substitution-empty',
  check: ({ document, options }) =>
    options.vars === undefined
      ? []
      : missingVariables(document.text, options.vars).map(({ name, offset }) => ({
          severity: 'error',
          offset,
          path: '',
          message: `$${name} is used here, but has no value`,
          hint: `Give the host that address, use another variable, or write \\$${name} to keep the text as it is.`,
        })),
};

const adjacent: ConfigRule = {
  name: 'substitution-adjacent',
  check: ({ document: { text } }) => {
    const names = SUBSTITUTION_VARIABLES.filter((name) => text.includes(`$${name}$${name}`));
    if (names.length === 0) return [];
    const used = new Set(variableUses(text).map(({ offset }) => offset));
    return names.flatMap((name) =>
      [...text.matchAll(new RegExp(`(?<=\\$${name})\\$${name}`, 'g'))]
        .filter(({ index }) => !used.has(index))
        .map((match) => ({
          severity: 'warning' as const,
          offset: match.index,
          path: '',
          message: `the second of two adjacent $${name} stays as it is`,
          hint: 'Put a character between them.',
        })),
    );
  },
};

const braces: ConfigRule = {
  name: 'substitution-braces',
  check: ({ document: { text } }) =>
    [...text.matchAll(/\$\{(?:public|private)_ipv[46]\}/g)].map((match) => ({
      severity: 'info',
      offset: match.index,
      path: '',
      message: `${match[0]} is not substituted: coreos-cloudinit knows the form without braces only`,
      hint: `Write ${match[0].replace(/[{}]/g, '')}.`,
    })),
};

const misspelt: ConfigRule = {
  name: 'substitution-unknown',
  check: ({ document: { text } }) =>
    [...text.matchAll(/(?<!\\)\$((?:public|private)_?(?:ip|addr)[A-Za-z0-9_]*)/gi)].flatMap((match): Found[] => {
      const word = match[1] ?? '';
      if (SUBSTITUTION_VARIABLES.some((name) => word.startsWith(name))) return [];
      const guess = nearest(word, SUBSTITUTION_VARIABLES) ?? `${word.toLowerCase().split('_')[0] ?? 'private'}_ipv4`;
      return [
        {
          severity: 'warning',
          offset: match.index,
          path: '',
          message: `$${word} is no substitution variable, so it stays as it is`,
          hint: `Did you mean $${guess}? The variables are ${SUBSTITUTION_VARIABLES.map((name) => `$${name}`).join(', ')}.`,
        },
      ];
    }),
};

/** What can be seen in the raw text. */
export const TEXT_RULES: readonly ConfigRule[] = [unresolved, adjacent, braces, misspelt];
