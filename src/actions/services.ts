import { basename, relative } from 'node:path';
import { readFileSync } from 'node:fs';
import type { ServiceUnit } from '../fleet/services.js';
import { marked, unitOptions, unitText } from '../fleet/unit-options.js';
import { compileTemplate } from '../render/template.js';
import { lintUnit, machineOfLoops } from '../units/lint.js';
import { FLEET_SUFFIXES, splitUnitName, unitNameFault } from '../units/unit-name.js';
import { InputError } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { unreadable } from './issue.js';
import type { Project } from './project.js';

type Service = Project['config']['services'][number];

/** fleet's parser gives up at longer lines (go-systemd, unit/deserialize.go); comments count, too. */
const MOST_LINE = 2047;

/**
 * Reads the services of config.ts: unit files, filled in and checked, one for each instance of a template. Everything
 * that can be wrong with them by themselves is found here; no host is involved.
 *
 * @throws InputError SERVICE_* with key or file, line and what to write instead
 */
export function loadServices({ config, cluster }: Project): readonly ServiceUnit[] {
  const loaded = config.services.map((service, index) => load(service, `services[${index}]`, cluster.name));
  const units = loaded.flatMap(({ units }) => units);
  refuseTwins(units.map(({ name }) => name));
  refuseLoops(units, new Map(loaded.flatMap(({ units, text }) => units.map(({ name }) => [name, text] as const))));
  return units;
}

function load(service: Service, key: string, cluster: string): { units: readonly ServiceUnit[]; text: string } {
  const file = relative(process.cwd(), service.unit);
  const name = basename(service.unit).replace(/\.hbs$/, '');
  const names = namesOf(service, key, name);
  const text = textOf(service, key, file);
  for (const instance of names) refuseFaults(file, instance, text);
  const options = marked(unitOptions(text), cluster);
  return { text, units: names.map((unit) => ({ name: unit, file, options, target: service.state })) };
}

function namesOf({ instances }: Service, key: string, name: string): readonly string[] {
  const { prefix, instance, suffix } = splitUnitName(name);
  const wrong = (message: string, hint: string): InputError => new InputError(message, { code: 'SERVICE_NAME', hint });
  if (instance === '' && instances === undefined) {
    throw wrong(`${key}: ${name} is a template, and a template does not run`, 'Say which of it do: instances: [1, 2].');
  }
  if (instance !== '' && instances !== undefined) {
    throw wrong(
      `${key}: ${name} is no template, and cannot have instances`,
      `Take instances out, or call the file ${prefix}@.${suffix}.`,
    );
  }
  const names = instances?.map((value) => `${prefix}@${value}.${suffix}`) ?? [name];
  for (const candidate of names) {
    const fault = unitNameFault(candidate, FLEET_SUFFIXES);
    if (fault !== undefined) {
      throw wrong(
        `${key}: ${JSON.stringify(candidate)} is no name for a unit of fleet: ${fault}`,
        'A unit is named "string.suffix" or "string@instance.suffix", with letters, digits and : _ . @ -',
      );
    }
  }
  return names;
}

function textOf({ unit, vars }: Service, key: string, file: string): string {
  const text = readText(unit, key, file);
  if (unit.endsWith('.hbs')) {
    return compileTemplate({ file, text }, `It knows the vars of ${key}.`)(vars ?? {}, key);
  }
  if (vars === undefined) return text;
  throw new InputError(`${key} has vars, but ${file} is no template`, {
    code: 'SERVICE_VARS',
    hint: `Call it ${basename(file)}.hbs if {{…}} in it are to be filled in; otherwise take vars out.`,
  });
}

function readText(path: string, key: string, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8 text' : unreadable(file, error).message;
    throw new InputError(`${key}.unit is ${file}: ${why}`, {
      code: 'SERVICE_UNREADABLE',
      hint: 'Name a unit file that this user can read; paths are relative to config.ts.',
      location: { file },
      cause: error,
    });
  }
}

function refuseFaults(file: string, name: string, text: string): void {
  const [first, ...more] = lintUnit(text, { name, fleet: true }).filter(({ severity }) => severity === 'error');
  if (first) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more; \`coreup validate\` shows them)`;
    throw placed(file, text, first, `${first.message}${others}`, first.hint);
  }
  const options = unitOptions(text);
  if (options.length === 0)
    throw placed(file, text, { line: 1, column: 1 }, 'the unit is empty', 'Write a [Service] section.');
  const long = text.split('\n').findIndex((line) => Buffer.byteLength(line) > MOST_LINE);
  const made = unitText(options)
    .split('\n')
    .some((line) => Buffer.byteLength(line) > MOST_LINE);
  if (long === -1 && !made) return;
  const message = `a line has more than ${MOST_LINE} bytes, and fleet refuses the unit`;
  const hint = 'End it with "\\" somewhere and go on in the next line, or put the script into a file of its own.';
  throw placed(file, text, { line: Math.max(long, 0) + 1, column: 1 }, message, hint);
}

function refuseLoops(units: readonly ServiceUnit[], texts: ReadonlyMap<string, string>): void {
  const [loop] = machineOfLoops(units.map(({ name }) => ({ name, text: texts.get(name) ?? '' })));
  if (!loop) return;
  const file = units.find(({ name }) => name === loop.unit)?.file ?? loop.unit;
  throw placed(file, texts.get(loop.unit) ?? '', loop, loop.message, loop.hint);
}

function placed(
  file: string,
  text: string,
  { line, column }: { readonly line: number; readonly column: number },
  message: string,
  hint: string,
): InputError {
  return new InputError(`${file}:${line}:${column}: ${message}`, {
    code: 'SERVICE_INVALID',
    hint,
    location: { file, line, column },
    frame: codeFrame(text, line, column),
  });
}

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin === undefined) return;
  throw new InputError(`the services of config.ts have ${twin} twice`, {
    code: 'SERVICE_TWINS',
    hint: 'Take one of them out: a unit has one content and one state.',
  });
}
