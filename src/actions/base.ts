import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cloudConfigText } from '../cloud-config/source.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import type { Base } from '../render/user-data.js';
import { InputError } from '../util/errors.js';

const TEMPLATES = fileURLToPath(new URL('../../templates/', import.meta.url));

/**
 * Reads what every member's user-data is made from: the user's own file, or the template of the discovery mode.
 *
 * @param given absolute path of the user's own file
 * @throws InputError naming the file, and the place where there is one
 */
export function readBase(given: string | undefined, discovery: DiscoveryMode): Base {
  if (given === undefined) {
    return {
      kind: 'template',
      ...builtIn(discovery.name),
      roles: { worker: builtIn('worker'), discovery: builtIn('discovery-node') },
    };
  }
  const path = given;
  const file = relative(process.cwd(), path);
  const kind = path.endsWith('.hbs') ? 'template' : 'cloud-config';
  const bytes = readBytes(path, file);
  // A cloud-config may be packed, and is refused at the place of its first fault; a template is one only once rendered.
  return kind === 'cloud-config'
    ? { kind, ...cloudConfigText({ file, text: bytes }) }
    : { kind, file, text: decode(file, bytes) };
}

/** A template that comes with coreup. */
function builtIn(name: string): { readonly file: string; readonly text: string } {
  const file = `templates/${name}.hbs`;
  return { file, text: decode(file, readBytes(`${TEMPLATES}${name}.hbs`, file)) };
}

function readBytes(path: string, file: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${(error as Error).message}`, {
      code: 'USER_DATA_UNREADABLE',
      hint: 'Name an existing, readable file with user_data in config.ts, or leave it out.',
      location: { file },
      cause: error,
    });
  }
}

function decode(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${file} is not UTF-8 text`, {
      code: 'USER_DATA_NOT_UTF8',
      hint: 'Save the file as UTF-8; binary content belongs into write_files with `encoding: b64`.',
      location: { file },
      cause: error,
    });
  }
}
