import { parseBlockYaml } from './block-yaml.js';
import { lineStartsOf, positionIn } from './lines.js';
import type { CloudConfigDocument } from './nodes.js';
import { cloudConfigText, type UserDataSource } from './source.js';
import { parseYaml } from './parse-yaml.js';

/**
 * Reads a cloud-config: checks the header, parses the YAML (1.1, keys with `-` and `_` alike) and keeps the place of
 * every node. Scalars keep their text; `scalars.ts` resolves them where a boolean or a number is wanted.
 *
 * Stricter than coreos-cloudinit in three points where that one silently loses something: a key given twice, a second
 * document, and a document that is no mapping.
 *
 * @throws InputError with file:line:column and a code frame; gzip is unwrapped, scripts and Ignition are refused by name
 */
export function parseCloudConfig(source: UserDataSource): CloudConfigDocument {
  const named = cloudConfigText(source);
  const lineStarts = lineStartsOf(named.text);
  return {
    file: named.file,
    text: named.text,
    root: (parseBlockYaml(named.text) ?? parseYaml(named)).root,
    position: (offset) => positionIn(lineStarts, offset),
  };
}
