import type { Engine, Job, Refusal, Schedule } from './engine.js';
import type { Machine } from './client.js';
import type { Requirements } from './requirements.js';

/** What is known when a unit has found no machine. */
export interface Scene {
  readonly engine: Engine;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly machines: readonly Machine[];
  readonly schedule: Schedule;
  readonly nameOf: (machineId: string) => string;
}

/** Why each machine refuses a unit, in words. */
export function refusalsOf(job: Job, scene: Scene): ReadonlyMap<string, string> {
  return new Map(
    scene.machines.flatMap((machine) => {
      const refusal = scene.engine.refusal(job, machine, scene.schedule);
      return refusal === undefined ? [] : [[machine.id, refusalText(job, refusal, scene)] as const];
    }),
  );
}

function refusalText({ wants }: Job, { kind, by }: Refusal, scene: Scene): string {
  switch (kind) {
    case 'id':
      return `its ID is not ${by}`;
    case 'metadata':
      return `it does not have ${metadataText(wants, by)}`;
    case 'peer':
      return `${by} is not there${elsewhere(by, scene)}`;
    case 'conflict':
      return `${by} is there, and the two conflict`;
  }
}

/**
 * Why no machine runs a unit, as one sentence: the first requirement that leaves none, in the order in which fleet looks at
 * them (AbleToRun in agent/state.go).
 */
export function reasonFor(job: Job, scene: Scene): string {
  const { machines, engine, schedule, nameOf } = scene;
  if (machines.length === 0) return 'there is no machine';
  const refusals = machines.map((machine) => ({ machine, refusal: engine.refusal(job, machine, schedule) }));
  const after = (...kinds: readonly Refusal['kind'][]): readonly Machine[] =>
    refusals.filter(({ refusal }) => refusal === undefined || !kinds.includes(refusal.kind)).map((one) => one.machine);
  const listed = (some: readonly Machine[]): string => some.map(({ id }) => nameOf(id)).join(', ');
  const { wants } = job;

  const right = after('id');
  if (right.length === 0) return `no machine has the ID ${wants.machineId}`;
  const fitting = after('id', 'metadata');
  if (fitting.length === 0) {
    return `${right.length < machines.length ? `${listed(right)} does not have` : 'no machine has'} ${metadataText(wants)}`;
  }
  const among =
    fitting.length < machines.length ? ` of those with ${metadataText(wants) || `ID ${wants.machineId}`}` : '';
  const beside = after('id', 'metadata', 'peer');
  if (beside.length === 0) return peerText(job, fitting, among, scene);
  const enemies = refusals.flatMap(({ machine, refusal }) =>
    refusal?.kind === 'conflict' ? [`${refusal.by} on ${nameOf(machine.id)}`] : [],
  );
  const place = wants.machineOf.length > 0 ? ` beside ${wants.machineOf.join(' and ')}` : among;
  return enemies.length > 0
    ? `it conflicts with ${enemies.join(', with ')}, and no other machine${place} is there`
    : 'it finds a machine and loses it again';
}

/** Why no machine has all of the units that it wants to run beside. */
function peerText({ name, wants }: Job, fitting: readonly Machine[], among: string, scene: Scene): string {
  const { jobs, schedule, nameOf } = scene;
  for (const peer of wants.machineOf) {
    const other = jobs.get(peer);
    if (peer === name) return 'it waits for its own machine';
    if (other === undefined) return `MachineOf names ${peer}, which fleet does not know`;
    if (other.wants.global) continue;
    if (other.target === 'inactive') return `MachineOf names ${peer}, whose target state is inactive`;
    const place = schedule.get(peer);
    if (place === undefined) {
      const own = scene.engine.pending(schedule).some((job) => job.name === peer);
      const why = own && !waitsFor(other, name, jobs) ? ` (${reasonFor(other, scene)})` : '';
      return `MachineOf names ${peer}, which finds no machine itself${why}`;
    }
    if (!fitting.some(({ id }) => id === place)) return `${peer} is on ${nameOf(place)}, which is none${among}`;
  }
  return `${wants.machineOf.join(' and ')} are not on one machine`;
}

/** Whether a unit waits for another, directly or through others: a circle has no reason beyond itself. */
function waitsFor(job: Job, name: string, jobs: ReadonlyMap<string, Job>, seen = new Set<string>()): boolean {
  if (seen.has(job.name)) return true;
  seen.add(job.name);
  return job.wants.machineOf.some((peer) => {
    const other = jobs.get(peer);
    return peer === name || (other !== undefined && waitsFor(other, name, jobs, seen));
  });
}

function elsewhere(unit: string, { schedule, nameOf }: Scene): string {
  const place = schedule.get(unit);
  return place === undefined ? '' : ` but on ${nameOf(place)}`;
}

/** `disk=ssd or disk=nvme, and region=eu` */
export function metadataText({ metadata }: Requirements, only?: string): string {
  return [...metadata]
    .filter(([key]) => only === undefined || key === only)
    .map(([key, values]) => [...values].map((value) => `${key}=${value}`).join(' or '))
    .join(', and ');
}
