import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach } from '@jest/globals';
import dnsPacket from 'dns-packet';
import type { Dial, Lookup } from '../../../../src/discovery/dns/lookup.js';
import type { SrvData } from '../../../../src/discovery/dns/query.js';
import type { DnsMember } from '../../../../src/discovery/dns/records.js';

const open: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(open.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** What a stand-in name server does with a message: answers with bytes, or whatever it likes. */
export type Behaviour = (query: Buffer, socket: Socket) => void;

/** A STAND-IN for a name server: a TCP server on 127.0.0.1 that behaves as it is told. */
export async function standInNameServer(behave: Behaviour): Promise<Dial> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (chunk: Buffer) => behave(chunk.subarray(2), socket));
  });
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
}

export interface Zone {
  readonly srv?: Readonly<Record<string, readonly SrvData[]>>;
  readonly a?: Readonly<Record<string, readonly string[]>>;
  readonly cname?: Readonly<Record<string, string>>;
}

/** Answers from a zone, as a sound server does. */
export function serving(zone: Zone, flags = 0): Behaviour {
  return (message, socket) => {
    const query = dnsPacket.decode(message);
    const [question] = query.questions ?? [];
    const name = question?.name.toLowerCase() ?? '';
    const alias = zone.cname?.[name];
    const owner = alias ?? name;
    const answers = [
      ...(alias === undefined ? [] : [{ type: 'CNAME', name, data: alias }]),
      ...(question?.type === 'SRV' ? (zone.srv?.[owner] ?? []) : []).map((data) => ({
        type: 'SRV',
        name: owner,
        data,
      })),
      ...(question?.type === 'A' ? (zone.a?.[owner] ?? []) : []).map((data) => ({ type: 'A', name: owner, data })),
    ];
    const { id = 0, questions = [] } = query;
    socket.end(dnsPacket.streamEncode({ type: 'response', id, flags, questions, answers } as dnsPacket.Packet));
  };
}

export function member(index: number, scheme: 'http' | 'https' = 'http'): DnsMember {
  return {
    name: `core-0${index}`,
    address: `172.17.8.10${index}`,
    peer: { scheme, port: 2380 },
    client: { scheme: 'http', port: 2379 },
  };
}

export const MEMBERS = [1, 2, 3].map((index) => member(index));
export const TLS_MEMBERS = [1, 2, 3].map((index) => member(index, 'https'));

export function target(index: number, port = 2380): SrvData {
  return { priority: 0, weight: 0, port, target: `core-0${index}.example.com` };
}

/** What a host sees of a zone that is as it should be, with changes. */
export function seen(zone: Zone = {}): Lookup {
  const services = {
    '_etcd-server._tcp.example.com': [1, 2, 3].map((index) => target(index)),
    '_etcd-client._tcp.example.com': [1, 2, 3].map((index) => target(index, 2379)),
    ...zone.srv,
  };
  const addresses = {
    'core-01.example.com': ['172.17.8.101'],
    'core-02.example.com': ['172.17.8.102'],
    'core-03.example.com': ['172.17.8.103'],
    ...zone.a,
  };
  return {
    nameserver: '172.17.8.1',
    services: new Map(Object.entries(services).filter(([, records]) => records.length > 0)),
    addresses: new Map(Object.entries(addresses)),
    refusals: new Map(),
  };
}
