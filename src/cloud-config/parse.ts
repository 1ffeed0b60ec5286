import { isScalar } from 'yaml';
import { lineStartsOf, positionIn } from './lines.js';
import type { CloudConfigDocument, ConfigNode } from './nodes.js';
import { problemAt, type NamedText } from './problem.js';
import { cloudConfigText, type UserDataSource } from './source.js';
import { yamlFault } from './yaml-fault.js';
import { composeYaml, YamlFault } from './yaml-tokens.js';
import { TreeBuilder } from './yaml-tree.js';

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
    root: rootOf(named),
    position: (offset) => positionIn(lineStarts, offset),
  };
}

function rootOf(source: NamedText): CloudConfigDocument['root'] {
  const [document, second] = compose(source);
  if (second !== undefined) {
    throw problemAt(
      source,
      second.contents?.range[0] ?? second.range[0],
      'a second YAML document begins here, and would be ignored',
      'YAML_MULTIPLE_DOCS',
      'Delete the "---" in the middle; one "---" below the header is fine.',
    );
  }
  const contents = document?.contents ?? null;
  if (contents === null || (isScalar(contents) && contents.source === '')) return null;
  return mappingRoot(source, new TreeBuilder(source).build(contents));
}

function compose(source: NamedText): ReturnType<typeof composeYaml> {
  try {
    return composeYaml(source);
  } catch (error) {
    throw error instanceof YamlFault ? yamlFault(source, error) : error;
  }
}

function mappingRoot(source: NamedText, root: ConfigNode): CloudConfigDocument['root'] {
  if (root.kind === 'mapping') return root;
  if (root.kind === 'scalar' && root.style === 'plain' && ['~', 'null', 'Null', 'NULL'].includes(root.text))
    return null;
  const found = root.kind === 'sequence' ? 'a list' : `the text ${JSON.stringify(root.text.slice(0, 40))}`;
  throw problemAt(
    source,
    root.start,
    `a cloud-config is a mapping of keys to values; found ${found}`,
    'CLOUD_CONFIG_SHAPE',
    'Begin with a key such as "coreos:" or "write_files:".',
  );
}
