import { parseNetwork } from '../../../src/plan/host-network.js';
import type { Role } from '../../../src/cluster/types.js';
import type { HostFacts, HostView, UnitState } from '../../../src/doctor/host-view.js';
import { desiredState } from '../phases/support.js';

const RUNNING: UnitState = { load: 'loaded', active: 'active', result: 'success', mainPid: 42, restarts: 0 };

/** What a sound host says of itself; its address is of the second host, unless another network is given. */
export function facts(different: Partial<HostFacts> = {}, index = 1): HostFacts {
  const network = parseNetwork(
    `${JSON.stringify([{ ifname: 'eth0', flags: ['UP'], addr_info: [{ local: `10.0.0.${index}`, scope: 'global' }] }])}\x1d[]`,
  );
  return {
    hostname: `core-0${index}`,
    machineId: String(index).repeat(32),
    bootId: String(index),
    knowsItself: true,
    systemd: true,
    network,
    listeners: [{ address: '0.0.0.0', port: 2379, process: { name: 'etcd', pid: 42 } }],
    units: new Map([['etcd2.service', RUNNING]]),
    failedUnits: [],
    disk: { mount: '/', free: 50e9, freeInodes: 1e6 },
    lock: '',
    quota: undefined,
    unresolved: [],
    files: [],
    ...different,
  };
}

/** A sound host of three, with what is different about it. */
export function host(
  name: string,
  { role = 'etcd', ...different }: Partial<HostView> & { role?: Role } = {},
): HostView {
  const index = Number(name.slice(-1));
  return {
    name,
    member: { index, name, role, publicIpv4: `10.0.0.${index}`, privateIpv4: `10.0.0.${index}`, metadata: {} },
    desired: desiredState(index - 1, ['core-01', 'core-02', 'core-03']),
    reached: true,
    facts: facts({}, index),
    ports: [],
    troubles: [],
    ...different,
  };
}
