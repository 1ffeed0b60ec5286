import type { Machine, TargetState, UnitOption } from '../../../src/fleet/client.js';
import type { UnitToPlace } from '../../../src/fleet/schedule.js';

/** A machine `a`, `b`, … with an ID that begins with its letter, and metadata such as `disk=ssd region=eu`. */
export function machine(letter: string, metadata = ''): Machine {
  const pairs = metadata.split(' ').filter((pair) => pair !== '');
  return {
    id: letter.repeat(32),
    ip: '',
    metadata: Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])),
  };
}

/** The letter of a machine made by `machine`. */
export const letterOf = (id: string): string => id.charAt(0);

/** A unit with lines of [X-Fleet] such as `MachineMetadata=disk=ssd`; `on` is the letter of the machine that has it. */
export function unit(
  name: string,
  lines: readonly string[] = [],
  { on, target = 'launched' }: { on?: string; target?: TargetState } = {},
): UnitToPlace {
  const options: UnitOption[] = lines.map((line) => {
    const equals = line.indexOf('=');
    return { section: 'X-Fleet', name: line.slice(0, equals), value: line.slice(equals + 1) };
  });
  return {
    name,
    options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1d' }, ...options],
    target,
    ...(on === undefined ? {} : { machineId: on.repeat(32) }),
  };
}
