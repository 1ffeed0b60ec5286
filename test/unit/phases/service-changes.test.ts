import { describe, expect, test } from '@jest/globals';
import type { FleetClient, FleetUnit, TargetState, UnitState } from '../../../src/fleet/client.js';
import { decideServices, type ServiceUnit } from '../../../src/fleet/services.js';
import { marked, unitHash } from '../../../src/fleet/unit-options.js';
import { leftOvers, nudger, parseAgentUnits, type AgentUnits } from '../../../src/phases/fleet-agent.js';
import { ServiceRun } from '../../../src/phases/run.js';
import { bringUp, takeAway, type Ask } from '../../../src/phases/service-changes.js';
import { waitForService, type ServiceWatch } from '../../../src/phases/service-wait.js';
import { RecordingReporter, scene } from './support.js';

const MACHINE = 'a'.repeat(32);
const OPTIONS = marked([{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1d' }], 'test');
const service = (name: string, target: TargetState = 'launched'): ServiceUnit => ({
  name,
  file: name,
  options: OPTIONS,
  target,
});

/** A STAND-IN for fleet with one machine: its agent does one thing each time that somebody looks at the cluster. */
class StandInFleet {
  readonly requests: string[] = [];
  readonly units = new Map<string, { target: TargetState; options: ServiceUnit['options']; isRunning: boolean }>();
  readonly reports = new Map<string, string>();
  /** What the machine itself has, where that is more than what is reported. */
  agent: AgentUnits | undefined = new Map();

  constructor(...known: readonly (readonly [name: string, target: TargetState, active: string])[]) {
    for (const [name, target, active] of known) {
      this.units.set(name, { target, options: OPTIONS, isRunning: target === 'launched' });
      if (active !== '') this.reports.set(name, active);
    }
  }

  /** One round of the agent. */
  act: () => void = () => {
    for (const [name, unit] of this.units) {
      const should = unit.target === 'launched';
      if (unit.isRunning === should && this.reports.has(name)) continue;
      unit.isRunning = should;
      this.reports.set(name, should ? 'active' : 'inactive');
      return;
    }
  };

  readonly client = {
    put: (name: string, options: ServiceUnit['options'], target: TargetState) => {
      this.requests.push(`put ${name} ${target}`);
      this.units.set(name, { target, options, isRunning: false });
      return Promise.resolve();
    },
    setTarget: (name: string, target: TargetState) => {
      this.requests.push(`${target} ${name}`);
      const unit = this.units.get(name);
      if (unit) unit.target = target;
      return Promise.resolve();
    },
    destroy: (name: string) => {
      this.requests.push(`destroy ${name}`);
      this.units.delete(name);
      this.reports.delete(name);
      return Promise.resolve();
    },
    unit: (name: string) => {
      this.act();
      return Promise.resolve(this.listed().find((unit) => unit.name === name));
    },
  } as unknown as FleetClient;

  readonly ask: Ask = (work) => work(this.client);

  listed(): FleetUnit[] {
    return [...this.units].map(([name, { target, options, isRunning }]) => ({
      name,
      options,
      desiredState: target,
      currentState: isRunning ? 'launched' : 'loaded',
      machineId: target === 'inactive' ? '' : MACHINE,
    }));
  }

  states(): UnitState[] {
    return [...this.reports].map(([name, active]) => ({
      name,
      hash: unitHash(OPTIONS),
      machineId: MACHINE,
      load: 'loaded',
      active,
      sub: active === 'active' ? 'running' : 'dead',
    }));
  }

  watch(more: Partial<ServiceWatch> = {}): ServiceWatch {
    return {
      look: () => {
        this.act();
        return Promise.resolve({ units: this.listed(), states: this.states() });
      },
      hostOf: () => undefined,
      agentOf: () => Promise.resolve(this.agent),
      nudge: () => Promise.resolve(),
      machinesFor: () => [],
      unplaced: () => undefined,
      note: () => undefined,
      signal: new AbortController().signal,
      patience: { act: 500, start: 60_000, steady: 20, poll: 1 },
      ...more,
    };
  }
}

async function change(fleet: StandInFleet, wanted: readonly ServiceUnit[], watch = fleet.watch()): Promise<string[]> {
  const { run } = await scene(1);
  const reporter = new RecordingReporter();
  const changing = { run: { ...run, reporter, services: new ServiceRun(wanted) }, ask: fleet.ask, watch };
  const { changes } = decideServices(wanted, fleet.listed(), fleet.states(), 'test');
  await takeAway(changes, { ...changing, states: fleet.states() });
  await bringUp(changes, changing);
  return reporter.notes;
}

describe('a unit that fleet reports as inactive for long', () => {
  /** What the host says; fleet says that it runs from the hundredth look on. */
  function reportedLate(active: string): Promise<readonly string[]> {
    const fleet = new StandInFleet(['a.service', 'launched', 'inactive']);
    fleet.agent = new Map([['a.service', { hash: unitHash(OPTIONS), load: 'loaded', active, sub: 'any' }]]);
    let looks = 0;
    fleet.act = () => {
      if (++looks === 100) fleet.reports.set('a.service', 'active');
    };
    return waitForService(service('a.service'), true, fleet.watch());
  }

  test.each(['active', 'activating'])('is waited for while its host says that it is %s', async (active) => {
    expect(await reportedLate(active)).toEqual([MACHINE]);
  });

  test('has ended where its host says the same', async () => {
    await expect(reportedLate('inactive')).rejects.toThrow(/^has ended by itself/);
  });
});

describe('changes of services', () => {
  test('all that are new are known before the first is wanted', async () => {
    const fleet = new StandInFleet();
    await change(fleet, [service('a.service'), service('b.service', 'loaded'), service('c.service', 'inactive')]);
    expect(fleet.requests.slice(0, 3).sort()).toEqual(['a', 'b', 'c'].map((name) => `put ${name}.service inactive`));
    expect(fleet.requests.slice(3).sort()).toEqual(['inactive c.service', 'launched a.service', 'loaded b.service']);
  });

  test('what is dropped has ended before it is destroyed', async () => {
    const fleet = new StandInFleet(['a.service', 'launched', 'active'], ['idle.service', 'loaded', 'inactive']);
    const seen: string[] = [];
    const destroy = fleet.client.destroy.bind(fleet.client);
    fleet.client.destroy = (name) => {
      seen.push(`${name} is ${fleet.reports.get(name)}`);
      return destroy(name);
    };
    const notes = await change(fleet, []);
    expect(seen.sort()).toEqual(['a.service is inactive', 'idle.service is inactive']);
    expect(fleet.requests).not.toContain('loaded idle.service');
    expect(notes.filter((note) => note.includes('destroyed'))).toHaveLength(2);
  });

  test('what is dropped and does not end is destroyed all the same', async () => {
    const fleet = new StandInFleet(['a.service', 'launched', 'active']);
    fleet.act = () => undefined;
    await change(fleet, []);
    expect(fleet.requests.at(-1)).toBe('destroy a.service');
  });

  test('a failed unit is wanted again once its agent has given it up, and an old report of its failure says nothing', async () => {
    const fleet = new StandInFleet(['a.service', 'launched', 'failed']);
    const given: boolean[] = [];
    const setTarget = fleet.client.setTarget.bind(fleet.client);
    fleet.client.setTarget = (name, target) => {
      if (target === 'launched') given.push(fleet.units.get(name)?.isRunning ?? true);
      return setTarget(name, target);
    };
    // The agent starts it; its report comes some looks later.
    let looks = 0;
    fleet.act = () => {
      const unit = fleet.units.get('a.service');
      if (unit) unit.isRunning = unit.target === 'launched';
      if (++looks > 8) fleet.reports.set('a.service', 'active');
    };
    fleet.agent = new Map([['a.service', { hash: '', load: 'loaded', active: 'active', sub: 'running' }]]);
    const notes = await change(fleet, [service('a.service')]);
    expect(fleet.requests).toEqual(['loaded a.service', 'launched a.service']);
    expect(given).toEqual([false]);
    expect(notes).toContainEqual(expect.stringMatching(/^a\.service done: runs/));
  });

  test('one that has failed on the machine itself, too, has failed', async () => {
    const fleet = new StandInFleet(['a.service', 'launched', 'failed']);
    fleet.act = () => {
      const unit = fleet.units.get('a.service');
      if (unit) unit.isRunning = unit.target === 'launched';
    };
    fleet.agent = new Map([['a.service', { hash: '', load: 'loaded', active: 'failed', sub: 'failed' }]]);
    await expect(change(fleet, [service('a.service')])).rejects.toThrow(/a\.service/);
  });
});

describe('an agent that has much to give up', () => {
  const other = { hash: '', load: 'loaded', active: 'inactive', sub: 'dead' };

  test('is waited for longer than one that has nothing else to do', async () => {
    const fleet = new StandInFleet();
    // It takes longer than an agent that has nothing else to do may take.
    const until = performance.now() + 800;
    fleet.act = () => {
      if (performance.now() < until) return;
      fleet.agent = new Map();
      fleet.reports.set('a.service', 'active');
    };
    fleet.agent = new Map([['old.service', other]]);
    const said: string[] = [];
    const watch = fleet.watch({ note: (_unit, text) => void said.push(text) });
    await change(fleet, [service('a.service')], watch);
    expect(said).toContain('its machine first gives up units that it is to have no more');
  });

  test('which is not so, ends the wait with what is known', async () => {
    const fleet = new StandInFleet();
    fleet.act = () => undefined;
    await expect(change(fleet, [service('a.service')])).rejects.toMatchObject({
      failures: [{ message: 'is not launched after 0.5 s: its machine has not reported on it' }],
    });
  });

  test('what fleet wants there, or everywhere, is no left-over', () => {
    const options = [...OPTIONS, { section: 'X-Fleet', name: 'Global', value: 'true' }];
    const unit = (name: string, more: Partial<FleetUnit>): FleetUnit => ({
      name,
      options: OPTIONS,
      desiredState: 'launched',
      currentState: 'launched',
      machineId: MACHINE,
      ...more,
    });
    const units = [
      unit('here.service', {}),
      unit('elsewhere.service', { machineId: 'b' }),
      unit('everywhere.service', { machineId: '', options }),
      unit('off.service', { desiredState: 'inactive' }),
    ];
    const there = new Map([...units.map(({ name }) => name), 'gone.service'].map((name) => [name, other]));
    expect(leftOvers(there, { units, states: [] }, MACHINE)).toEqual([
      'elsewhere.service',
      'off.service',
      'gone.service',
    ]);
  });

  test('what a host prints of its units', () => {
    const text = [
      'a\\x2db.service\nc.service\n',
      `\\${'1'.repeat(40)}  a\\\\x2db.service\n${'2'.repeat(40)}  c.service\n`,
      'LoadState=loaded\nActiveState=active\nSubState=running\n',
      'LoadState=bad-setting\nActiveState=inactive\nSubState=dead\n',
    ].join('\n');
    expect([...parseAgentUnits(text)]).toEqual([
      ['a\\x2db.service', { hash: '1'.repeat(40), load: 'loaded', active: 'active', sub: 'running' }],
      ['c.service', { hash: '2'.repeat(40), load: 'bad-setting', active: 'inactive', sub: 'dead' }],
    ]);
    expect(parseAgentUnits('').size).toBe(0);
  });

  test('it is nudged once for all who wait, and a fleet that does not answer is no matter', async () => {
    const fleet = new StandInFleet(['a.service', 'launched', 'active']);
    const nudge = nudger(fleet.ask);
    await Promise.all([nudge(service('a.service')), nudge(service('a.service'))]);
    expect(fleet.requests).toEqual(['launched a.service']);
    await nudger(() => Promise.reject(new Error('no fleet')))(service('a.service'));
  });
});
