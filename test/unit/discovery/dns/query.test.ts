import { describe, expect, it } from '@jest/globals';
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { lookUp, type Dial } from '../../../../src/discovery/dns/lookup.js';
import { ask } from '../../../../src/discovery/dns/query.js';
import { serving, standInNameServer, target } from './support.js';

const SERVER = '_etcd-server._tcp.example.com';
const ZONE = {
  srv: { [SERVER]: [target(1), target(2)] },
  a: { 'core-01.example.com': ['10.0.0.1'], 'core-02.example.com': ['10.0.0.2'] },
};
const QUICK = { question: 300, total: 2000 };

async function askStandIn(dial: Dial, name = SERVER) {
  return ask(await dial('', 53), name, 'SRV', 300);
}

describe('a question to a stand-in name server', () => {
  it('is answered with the records', async () => {
    expect(await askStandIn(await standInNameServer(serving(ZONE)))).toEqual({
      kind: 'found',
      records: [target(1), target(2)],
    });
  });

  it('follows aliases', async () => {
    const dial = await standInNameServer(serving({ ...ZONE, cname: { 'alias.example.com': SERVER } }));
    expect(await askStandIn(dial, 'alias.example.com')).toMatchObject({ records: [target(1), target(2)] });
  });

  it.each([
    [0, { kind: 'none' }],
    [3, { kind: 'none' }],
    [2, { kind: 'refused', code: 'SERVFAIL' }],
    [5, { kind: 'refused', code: 'REFUSED' }],
  ])('takes the code %i for what it is', async (rcode, expected) => {
    expect(await askStandIn(await standInNameServer(serving({}, rcode)))).toEqual(expected);
  });

  it('does not take records of another name for an answer', async () => {
    const dial = await standInNameServer((message, socket) => {
      const { id = 0, questions = [] } = dnsPacket.decode(message);
      const answers = [{ type: 'SRV', name: 'evil.example.com', data: target(9) }];
      socket.end(dnsPacket.streamEncode({ type: 'response', id, questions, answers } as dnsPacket.Packet));
    });
    expect(await askStandIn(dial)).toEqual({ kind: 'none' });
  });

  it.each<[string, Parameters<typeof standInNameServer>[0], string]>([
    ['hangs up', (_, socket) => socket.end(), 'hung up without an answer'],
    ['cuts off', (_, socket) => socket.end(Buffer.from([0, 40, 1, 2, 3])), 'hung up in the middle of its answer'],
    ['resets', (_, socket) => socket.resetAndDestroy(), 'broke the connection off'],
    ['says nothing', () => undefined, 'did not answer within 0.3 s'],
    ['sends HTML', (_, socket) => socket.end('<!doctype html><html><body>nope</body></html>'), 'hung up in the middle'],
    [
      'sends noise',
      (_, socket) => socket.end(Buffer.from([0, 5, 255, 255, 255, 255, 255])),
      'cannot be read as an answer',
    ],
    ['truncates', serving(ZONE, 0x0200), 'cut its answer short'],
    [
      'answers another question',
      (message, socket) => {
        const { id = 0 } = dnsPacket.decode(message);
        const questions = [{ type: 'A' as const, name: 'evil.example.com' }];
        socket.end(dnsPacket.streamEncode({ type: 'response', id, questions }));
      },
      'an answer to another question',
    ],
    [
      'answers with another number',
      (message, socket) => {
        const { id = 0, questions = [] } = dnsPacket.decode(message);
        socket.end(dnsPacket.streamEncode({ type: 'response', id: id ^ 1, questions }));
      },
      'an answer to another question',
    ],
    [
      'repeats the question',
      (message, socket) => socket.end(Buffer.concat([Buffer.from([0, message.length]), message])),
      'another question',
    ],
  ])('ends in an error when the server %s', async (_, behave, expected) => {
    await expect(askStandIn(await standInNameServer(behave))).rejects.toThrow(expected);
  });

  it('never fails in another way, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const stream = new PassThrough();
        const length = Buffer.from([bytes.length >> 8, bytes.length & 255]);
        // What is written to it comes back; the answer must come first.
        stream.write(Buffer.concat([length, bytes]));
        await expect(ask(stream, SERVER, 'A', 300)).rejects.toMatchObject({ code: 'DNS_ANSWER' });
      }),
      { numRuns: 300 },
    );
  });
});

describe('looking a cluster up through a stand-in name server', () => {
  const files = { resolvConf: 'nameserver 10.9.9.9\n', hosts: '' };

  it('finds services and the addresses of their targets', async () => {
    const seen = await lookUp('example.com', files, await standInNameServer(serving(ZONE)), QUICK);
    expect(seen.nameserver).toBe('10.9.9.9');
    expect([...seen.services.keys()]).toEqual([SERVER]);
    expect(seen.addresses).toEqual(
      new Map([
        ['core-01.example.com', ['10.0.0.1']],
        ['core-02.example.com', ['10.0.0.2']],
      ]),
    );
  });

  it('reads the hosts file before it asks', async () => {
    const hosts = '10.7.7.7 CORE-01.example.com\n';
    const seen = await lookUp('example.com', { ...files, hosts }, await standInNameServer(serving(ZONE)), QUICK);
    expect(seen.addresses.get('core-01.example.com')).toEqual(['10.7.7.7']);
  });

  it('goes on to the next name server where one fails, and remembers why where none answers', async () => {
    const good = await standInNameServer(serving(ZONE));
    const asked: string[] = [];
    const dial: Dial = (address, port) => {
      asked.push(address);
      return address === '10.0.0.8' ? Promise.reject(new Error('connection refused')) : good(address, port);
    };
    const resolvConf = 'nameserver 10.0.0.8\nnameserver 10.0.0.9\n';
    expect((await lookUp('example.com', { ...files, resolvConf }, dial, QUICK)).nameserver).toBe('10.0.0.9');
    expect(asked.filter((address) => address === '10.0.0.8')).toHaveLength(1);
    const none: Dial = () => Promise.reject(new Error('connection refused'));
    await expect(lookUp('example.com', { ...files, resolvConf }, none, QUICK)).rejects.toThrow(
      '10.0.0.8: connection refused; 10.0.0.9: connection refused',
    );
  });

  it('gives up on a connection that never stands', async () => {
    const dial: Dial = () => new Promise(() => undefined);
    await expect(lookUp('example.com', files, dial, { question: 50, total: 100 })).rejects.toThrow(
      '10.9.9.9: no connection to it within 0.05 s',
    );
  });

  it('does not ask for names that nobody can have', async () => {
    const evil = { ...target(1), target: 'a b\u001b[31m.example.com' };
    const dial = await standInNameServer(serving({ srv: { [SERVER]: [evil] } }));
    const seen = await lookUp('example.com', files, dial, QUICK);
    expect([...seen.addresses.values()]).toEqual([[]]);
  });

  it('keeps what a server says instead of an answer', async () => {
    const seen = await lookUp('example.com', files, await standInNameServer(serving({}, 5)), QUICK);
    expect(seen.refusals.get(SERVER)).toBe('10.9.9.9 answers REFUSED');
    expect(seen.services.size).toBe(0);
  });
});
