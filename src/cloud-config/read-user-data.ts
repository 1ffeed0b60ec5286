import type { HostState } from '../cluster/host-state.js';
import { interpret, type HostContext } from './interpret.js';
import type { CloudConfigDocument } from './nodes.js';
import { parseCloudConfig } from './parse.js';
import { cloudConfigText, type UserDataSource } from './source.js';
import { substitute } from './substitute.js';

/**
 * From user-data as it lies in a file to what it means on one host: unwrap, substitute, parse, interpret. Lines are
 * those of the source, since substitution keeps their number.
 *
 * @throws InputError naming the line
 */
export function readUserData(
  source: UserDataSource,
  context: HostContext = {},
): { state: HostState; document: CloudConfigDocument } {
  const { file, text } = cloudConfigText(source);
  const document = parseCloudConfig({ file, text: substitute(text, context.vars ?? {}, file) });
  return { state: interpret(document, context), document };
}
