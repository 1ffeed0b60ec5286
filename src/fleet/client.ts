import { CoreupError } from '../util/errors.js';
import { askWithin, type Dial, type HttpAnswer, type HttpQuestion } from '../util/http.js';

/** Where fleet.socket listens on every host, unless a host's own unit says otherwise. */
export const FLEET_SOCKET = '/var/run/fleet.sock';

/** What fleet wants of a unit: known only, scheduled and loaded, or also started. */
export type TargetState = 'inactive' | 'loaded' | 'launched';

/** One assignment of a unit file, as fleet keeps it; a section without assignments is lost. */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** fleet's view of a host. */
export interface Machine {
  readonly id: string;
  /** '' where none is published. */
  readonly ip: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A unit that fleet knows. */
export interface FleetUnit {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly desiredState: TargetState;
  readonly currentState: TargetState;
  /** Where it is scheduled; '' for a unit that is not, and for every global unit. */
  readonly machineId: string;
}

/** What systemd on one machine says of a unit, as its agent last published it. */
export interface UnitState {
  readonly name: string;
  /** SHA-1 of the unit file that runs, in hexadecimal. */
  readonly hash: string;
  readonly machineId: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/**
 * A thin client of fleet's HTTP API (`fleet/v1`, Documentation/api-v1.md of fleet 1.0.0). Any machine answers for the whole
 * cluster: its fleetd reads and writes etcd. Each request has a time limit, since one without etcd may never answer.
 */
export class FleetClient {
  /**
   * @param dial opens a stream to fleetd, usually its socket on a host over SSH
   * @param timeout milliseconds for each request
   */
  constructor(
    private readonly dial: Dial,
    private readonly timeout = 10_000,
  ) {}

  /** The machines whose agents have reported in lately (agent_ttl, 30 s by default). */
  async machines(): Promise<readonly Machine[]> {
    const found = await this.list<RawMachine>('machines', 'machines');
    return found.map(({ id, primaryIP, metadata }) => ({
      id: id ?? '',
      ip: primaryIP ?? '',
      metadata: metadata ?? {},
    }));
  }

  /** All units that were submitted, by name. */
  async units(): Promise<readonly FleetUnit[]> {
    return (await this.list<RawUnit>('units', 'units')).map(unitOf);
  }

  /** @returns undefined for a unit that fleet does not know */
  async unit(name: string): Promise<FleetUnit | undefined> {
    const question = { method: 'GET', path: unitPath(name) } as const;
    const answer = await this.ask(question, [200, 404]);
    return answer.code === 404 ? undefined : unitOf(read(question, answer));
  }

  /** One entry for each unit and machine; a unit whose agent has not reported lately has none. */
  async states(): Promise<readonly UnitState[]> {
    return (await this.list<RawState>('state', 'states')).map((state) => ({
      name: state.name ?? '',
      hash: state.hash ?? '',
      machineId: state.machineID ?? '',
      load: state.systemdLoadState ?? '',
      active: state.systemdActiveState ?? '',
      sub: state.systemdSubState ?? '',
    }));
  }

  /** Submits a unit, or replaces the content of one that fleet knows. */
  async put(name: string, options: readonly UnitOption[], desiredState: TargetState): Promise<void> {
    await this.ask({ method: 'PUT', path: unitPath(name), body: { name, options, desiredState } }, [201, 204]);
  }

  /** Says what is wanted of a unit that fleet knows. fleet acts on it later. */
  async setTarget(name: string, desiredState: TargetState): Promise<void> {
    await this.ask({ method: 'PUT', path: unitPath(name), body: { name, desiredState } }, [204]);
  }

  /** Removes a unit and stops it; one that fleet does not know is no error. */
  async destroy(name: string): Promise<void> {
    await this.ask({ method: 'DELETE', path: unitPath(name) }, [204, 404]);
  }

  /** A collection comes in pages (`token_limit`, 100 by default). */
  private async list<T>(resource: string, key: string): Promise<readonly T[]> {
    const items: T[] = [];
    let token = '';
    do {
      const query = token === '' ? '' : `?nextPageToken=${encodeURIComponent(token)}`;
      const question = { method: 'GET', path: `/fleet/v1/${resource}${query}` } as const;
      const page = read(question, await this.ask(question, [200])) as Page;
      const found = page[key] ?? [];
      if (!Array.isArray(found)) throw problem(`fleet answered ${question.path} without a list of ${key}`);
      items.push(...(found as T[]));
      token = page.nextPageToken ?? '';
    } while (token !== '');
    return items;
  }

  /** @throws CoreupError FLEET_REQUEST with fleet's own words, or what `dial` throws */
  private async ask(question: HttpQuestion, wanted: readonly number[]): Promise<HttpAnswer> {
    const what = `${question.method} ${question.path}`;
    const answer = await askWithin(this.dial, question, this.timeout, (reason, cause) =>
      problem(`fleet did not answer ${what}${reason}`, cause),
    );
    if (!wanted.includes(answer.code ?? 0)) {
      throw problem(`fleet answered ${what} with ${answer.code}: ${reasonOf(answer.text)}`);
    }
    return answer;
  }
}

interface Page {
  readonly nextPageToken?: string;
  readonly [key: string]: unknown;
}
interface RawMachine {
  readonly id?: string;
  readonly primaryIP?: string;
  readonly metadata?: Record<string, string> | null;
}
interface RawUnit {
  readonly name?: string;
  readonly options?: readonly UnitOption[] | null;
  readonly desiredState?: TargetState;
  readonly currentState?: TargetState;
  readonly machineID?: string;
}
interface RawState {
  readonly name?: string;
  readonly hash?: string;
  readonly machineID?: string;
  readonly systemdLoadState?: string;
  readonly systemdActiveState?: string;
  readonly systemdSubState?: string;
}

const unitPath = (name: string): string => `/fleet/v1/units/${encodeURIComponent(name)}`;

function unitOf(unit: RawUnit): FleetUnit {
  return {
    name: unit.name ?? '',
    options: unit.options ?? [],
    desiredState: unit.desiredState ?? 'inactive',
    currentState: unit.currentState ?? 'inactive',
    machineId: unit.machineID ?? '',
  };
}

function read({ path }: HttpQuestion, { text }: HttpAnswer): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new TypeError('no object');
    return value;
  } catch (error) {
    throw problem(`fleet answered ${path} with something that is not fleet's: ${text.slice(0, 200)}`, error);
  }
}

/** fleet answers with `{"error": {"code", "message"}}`, and with nothing where etcd failed it. */
function reasonOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string' && error.message !== '') return error.message;
  } catch {
    // Not JSON.
  }
  return text.trim().slice(0, 200) || 'no reason given; its journal may have one';
}

function problem(message: string, cause?: unknown): CoreupError {
  return new CoreupError(message, {
    code: 'FLEET_REQUEST',
    hint: 'Look at the journal of fleet.service on that host: `coreup logs NAME fleet.service`.',
    cause,
  });
}
