import { isScalar } from 'yaml';
import type { ConfigNode, MappingNode } from './nodes.js';
import { problemAt, type NamedText } from './problem.js';
import { yamlFault } from './yaml-fault.js';
import { composeYaml, YamlFault } from './yaml-tokens.js';
import { TreeBuilder } from './yaml-tree.js';

/**
 * Reads any YAML document, with the yaml package.
 *
 * @throws InputError at the first thing that is wrong
 */
export function parseYaml(source: NamedText): { readonly root: MappingNode | null } {
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
  if (contents === null || (isScalar(contents) && contents.source === '')) return { root: null };
  return { root: mappingRoot(source, new TreeBuilder(source).build(contents)) };
}

function compose(source: NamedText): ReturnType<typeof composeYaml> {
  try {
    return composeYaml(source);
  } catch (error) {
    throw error instanceof YamlFault ? yamlFault(source, error) : error;
  }
}

function mappingRoot(source: NamedText, root: ConfigNode): MappingNode | null {
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
