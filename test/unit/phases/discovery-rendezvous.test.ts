import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Duplex, PassThrough } from 'node:stream';
import { ephemeralRendezvous } from '../../../src/phases/ephemeral-discovery.js';
import { publicRendezvous } from '../../../src/phases/public-discovery.js';
import type { Observation } from '../../../src/plan/observation.js';
import { CoreupError } from '../../../src/util/errors.js';
import { StandInService } from '../discovery/stand-in-service.js';
import { seenUnit } from '../plan/support.js';
import { hostOf, scene, type Scene } from './support.js';

const WAITS: Partial<Observation> = { units: new Map([['etcd2.service', seenUnit({ active: 'activating' })]]) };
const TOO_NEW: Partial<Observation> = {
  etcd: { path: '/usr/bin/etcd', version: { major: 3, minor: 7, text: '3.7.1' } },
};
const containing = (text: string): unknown => expect.stringContaining(text);

describe('public discovery', () => {
  let service: StandInService;
  let made: Scene;
  let values: string[];
  let size: number;

  beforeEach(async () => {
    service = await StandInService.start();
    made = await scene(3);
    [values, size] = [[], 3];
    service.answer = ({ url = '' }, response) => {
      const nodes = values.map((value, index) => ({ key: `/abc/f${index}`, value, createdIndex: index + 5 }));
      const node = url.endsWith('/_config/size')
        ? { key: url, value: String(size) }
        : { key: '/abc', dir: true, nodes };
      response.end(JSON.stringify({ action: 'get', node }));
    };
  });
  afterEach(() => service.stop());

  const open = async (url = `${service.origin}/abc`) => {
    const rendezvous = publicRendezvous(url);
    try {
      await rendezvous.open(made.run);
    } finally {
      await rendezvous.close();
    }
  };
  const progress = (name: string, text: string) => made.ssh.replyOn(name, 'is-active', { stdout: text });

  it('takes a token that nobody has used, and looks at no host', async () => {
    await open();
    expect(made.ssh.scripts()).toEqual([]);
  });

  it('refuses the size and the registrations of another cluster', async () => {
    size = 5;
    await expect(open()).rejects.toMatchObject({ code: 'DISCOVERY_SIZE' });
    [size, values] = [3, ['core-01=http://192.0.2.1:2380']];
    await expect(open()).rejects.toMatchObject({ code: 'DISCOVERY_FOREIGN' });
  });

  it('goes on with a member that waits for the others, or has written down who they are', async () => {
    values = ['core-01=http://10.0.0.1:2380', 'core-02=http://10.0.0.2:2380'];
    progress('core-01', 'new\nactivating\n');
    progress('core-02', 'founded\ninactive\n');
    await open();
  });

  it('names a member that has registered and would be refused from now on', async () => {
    values = ['core-01=http://10.0.0.1:2380', 'core-02=http://10.0.0.2:2380'];
    progress('core-01', 'new\nactivating\n');
    progress('core-02', 'new\ninactive\n');
    await expect(open()).rejects.toMatchObject({
      message: containing('the discovery token abc is spent: core-02'),
      failures: [{ member: 'core-02', hint: containing('coreup token new') }],
    });
  });

  it('goes on with a warning where only this machine cannot reach the service', async () => {
    await open('http://127.0.0.1:1/abc');
    expect(made.reporter.lines).toEqual([containing('warning: 127.0.0.1:1 cannot be asked')]);
  }, 20_000);

  it('ends where the service is out of order for everybody', async () => {
    service.says('', 503);
    await expect(open()).rejects.toMatchObject({ code: 'DISCOVERY_UNAVAILABLE' });
  }, 20_000);

  it('tells who registers', async () => {
    const rendezvous = publicRendezvous(`${service.origin}/abc`);
    await rendezvous.open(made.run);
    values = ['core-02=http://10.0.0.2:2380'];
    const { answer } = service;
    const asked = new Promise<void>((resolve) => {
      service.answer = (request, response) => {
        answer(request, response);
        if (request.url === '/abc') response.on('close', () => setImmediate(resolve));
      };
    });
    await asked;
    await new Promise((resolve) => setImmediate(resolve));
    await rendezvous.close();
    expect(made.reporter.notes).toEqual(['core-02 running: registered (1 of 3)']);
  }, 20_000);

  it('refuses an etcd that has no v2 discovery', async () => {
    made = await scene(3, (index) => (index === 1 ? TOO_NEW : {}));
    await expect(open()).rejects.toMatchObject({
      failures: [{ member: 'core-02', message: containing('3.7.1'), hint: containing("'static'") }],
    });
  });
});

describe('ephemeral discovery', () => {
  const discovery = { token: '40134540-b53c-46b3-b34f-33b4f0ae3a9c', port: 2378 };

  it('listens on every host, and stops', async () => {
    const made = await scene(3);
    let closed = 0;
    for (const { name, connection } of made.run.hosts) {
      hostOf(made, name).connection = {
        ...connection,
        listen: async (...asked) => {
          const listener = await connection.listen(...asked);
          return {
            ...listener,
            close: () => {
              closed++;
              return Promise.resolve();
            },
          };
        },
      };
    }
    const rendezvous = ephemeralRendezvous(discovery);
    await rendezvous.open(made.run);
    const listened = made.ssh.requests.filter(({ kind }) => kind === 'listen');
    expect(listened.map(({ host, text }) => `${host} ${text}`).sort()).toEqual(
      ['core-01', 'core-02', 'core-03'].map((name) => `${name} 127.0.0.1:2378`),
    );
    await rendezvous.close();
    expect(closed).toBe(3);
  });

  it('wakes members that an earlier run has left waiting, and no others', async () => {
    const made = await scene(3, (index) => (index === 0 ? {} : WAITS));
    made.ssh.reply('--no-block restart');
    made.ssh.replyOn('core-02', 'is-active', { stdout: 'new\nactivating\n' });
    made.ssh.replyOn('core-03', 'is-active', { stdout: 'founded\nactivating\n' });
    const rendezvous = ephemeralRendezvous(discovery);
    await rendezvous.open(made.run);
    await rendezvous.close();
    const restarted = made.ssh.requests.filter(({ text }) => text.includes('--no-block restart'));
    expect(restarted.map(({ host }) => host)).toEqual(['core-02']);
  });

  it('remembers who registers, before it answers', async () => {
    const made = await scene(1);
    await made.run.state.update((state) => ({
      ...state,
      discovery: { mode: 'ephemeral', token: discovery.token, size: 1 },
    }));
    const opened: ((stream: Duplex) => void)[] = [];
    const host = hostOf(made, 'core-01');
    host.connection = {
      ...host.connection,
      listen: (_host, port, onStream) => {
        opened.push(onStream);
        return Promise.resolve({ port, close: () => Promise.resolve() });
      },
    };
    const rendezvous = ephemeralRendezvous(discovery);
    await rendezvous.open(made.run);
    const [member, here] = pair();
    opened[0]?.(here);
    const value = 'core-01=http://10.0.0.1:2380';
    const form = new URLSearchParams({ value }).toString();
    member.write(
      `PUT /v2/keys/discovery/${discovery.token}/a1?prevExist=false HTTP/1.1\r\nHost: x\r\nContent-Length: ${form.length}\r\n\r\n${form}`,
    );
    const answer = await new Promise<string>((resolve) => member.once('data', (chunk) => resolve(String(chunk))));
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect((await made.run.state.load()).discovery?.registrations).toEqual([{ id: 'a1', value }]);
    expect(made.reporter.notes).toEqual(['core-01 running: registered (1 of 1)']);
    await rendezvous.close();
  });

  it('says at once how to go on where sshd does not allow it', async () => {
    const made = await scene(1);
    const host = hostOf(made, 'core-01');
    host.connection = {
      ...host.connection,
      listen: () => Promise.reject(new CoreupError('no', { code: 'SSH_LISTEN', hint: 'AllowTcpForwarding.' })),
    };
    const rendezvous = ephemeralRendezvous(discovery);
    await expect(rendezvous.open(made.run)).rejects.toMatchObject({
      failures: [{ member: 'core-01', hint: "AllowTcpForwarding. Or use discovery: { mode: 'static' }." }],
    });
    await rendezvous.close();
  });

  it('refuses an etcd that has no v2 discovery', async () => {
    const made = await scene(1, () => TOO_NEW);
    await expect(ephemeralRendezvous(discovery).open(made.run)).rejects.toMatchObject({
      failures: [{ member: 'core-01', message: containing('3.7.1') }],
    });
  });
});

/** Two ends of a connection. */
function pair(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })];
}
