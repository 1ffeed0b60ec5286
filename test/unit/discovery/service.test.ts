import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { askNewToken, type AskOptions } from '../../../src/discovery/service.js';
import { tokenUrlProblem } from '../../../src/cluster/discovery-url.js';
import { StandInService } from './stand-in-service.js';

const QUICK: AskOptions = { timeout: 400, pauses: [1, 1] };
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

let service: StandInService;
const environment = new Map(PROXIES.map((name) => [name, process.env[name]]));

beforeEach(async () => {
  for (const name of PROXIES) Reflect.deleteProperty(process.env, name);
  service = await StandInService.start();
});
afterEach(async () => {
  await service.stop();
  for (const [name, value] of environment) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});

const ask = (path = '/new', options: AskOptions = QUICK) => askNewToken(`${service.origin}${path}`, 3, options);
const containing = (text: string): unknown => expect.stringContaining(text);

describe('asking for a token', () => {
  it('asks once, for the size', async () => {
    expect(await ask()).toBe(`${service.origin}/0123456789abcdef0123456789abcdef`);
    expect(service.asked).toEqual(['/new?size=3']);
  });

  it('leaves in the query what else is there, and replaces a size', async () => {
    await ask('/new?key=a%20b&size=9');
    expect(service.asked).toEqual(['/new?key=a+b&size=3']);
  });

  it('takes the line end and a slash at the end off', async () => {
    service.says('https://discovery.example.com/abc/\n');
    expect(await ask()).toBe('https://discovery.example.com/abc');
  });
});

describe('hostile answers to the question for a token', () => {
  it.each([
    ['HTML', '<!DOCTYPE html><title>Welcome</title>', 'it is HTML'],
    ['nothing', '', 'it is empty'],
    ['words', 'unable to generate token', 'it is more than one word'],
    ['two URLs', 'http://a.example/1 http://a.example/2', 'it is more than one word'],
    ['no URL', 'token', 'it is not a URL'],
    ['a URL without a token', 'https://discovery.etcd.io/', 'it has no token'],
    ['a URL cut off in its host', 'https://disco', 'it has no token'],
    ['itself', 'https://discovery.etcd.io/new', 'it has no token'],
    ['another scheme', 'ftp://discovery.etcd.io/abc', 'its scheme is ftp'],
    ['a file', 'file:///etc/passwd', 'its scheme is file'],
    ['a password', 'http://u:p@discovery.etcd.io/abc', 'a user name or a password'],
    ['a query', 'http://discovery.etcd.io/abc?x=1', 'a query or a fragment'],
    ['what a substitution would change', 'http://discovery.etcd.io/$private_ipv4', 'it has no token'],
    ['what systemd would change', 'http://discovery.etcd.io/%m', 'it has no token'],
    ['what ends a quoted value', 'http://discovery.etcd.io/a"', 'it has no token'],
  ])('%s', async (_what, text, reason) => {
    service.says(text);
    await expect(ask()).rejects.toMatchObject({ code: 'DISCOVERY_ANSWER', message: containing(reason) });
    expect(service.asked).toHaveLength(1);
  });

  it('10 MB are not read', async () => {
    let sent = 0;
    service.answer = (_request, response) => {
      const block = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        for (; sent < 10 * 1024 * 1024 && !response.destroyed; sent += block.length) {
          if (!response.write(block)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    await expect(ask()).rejects.toMatchObject({
      code: 'DISCOVERY_ANSWER',
      message: containing('more than 2048 bytes'),
    });
    expect(sent).toBeLessThan(10 * 1024 * 1024);
  });

  it.each([301, 302, 307, 308])('a redirect (%i) is named, not followed', async (status) => {
    service.says('', status, { location: `${service.origin}/elsewhere` });
    await expect(ask()).rejects.toMatchObject({
      code: 'DISCOVERY_ANSWER',
      message: containing(`redirects to "${service.origin}/elsewhere"`),
      hint: containing('new_discovery_url'),
    });
    expect(service.asked).toEqual(['/new?size=3']);
  });

  it('a refusal is told with what the service said', async () => {
    service.says('size must be odd\nand small', 400);
    await expect(ask()).rejects.toMatchObject({ message: containing('400: "size must be odd and small"') });
    expect(service.asked).toHaveLength(1);
  });

  it('control characters in an answer do not reach the terminal', async () => {
    service.says('\u001b[2Jgone', 400);
    await expect(ask()).rejects.toMatchObject({ message: containing('400: "[2Jgone"') });
  });
});

describe('a service that does not work', () => {
  const alternatives = { hint: expect.stringMatching(/'static'.*'ephemeral'.*'custom'/s) as unknown };

  it('503: is asked again with pauses, then other ways are named', async () => {
    service.says('overloaded', 503);
    const told: string[] = [];
    await expect(ask('/new', { ...QUICK, onRetry: (reason) => told.push(reason) })).rejects.toMatchObject({
      code: 'DISCOVERY_UNAVAILABLE',
      message: containing('503 (service unavailable): "overloaded"'),
      ...alternatives,
    });
    expect(service.asked).toHaveLength(3);
    expect(told).toHaveLength(2);
  });

  it('is asked again, and then answers', async () => {
    const { answer } = service;
    service.answer = (request, response) => {
      service.answer = answer;
      response.writeHead(503).end();
      request.resume();
    };
    expect(await ask()).toMatch(/\/0123456789abcdef/);
    expect(service.asked).toHaveLength(2);
  });

  it('a silent one is given up', async () => {
    service.answer = () => undefined;
    await expect(ask('/new', { timeout: 100, pauses: [] })).rejects.toMatchObject({
      code: 'DISCOVERY_UNREACHABLE',
      message: containing('no whole answer within 0.1 s'),
      ...alternatives,
    });
  });

  it('so is one that sends a byte now and then', async () => {
    const timers: NodeJS.Timeout[] = [];
    service.answer = (_request, response) => {
      timers.push(setInterval(() => response.write('h'), 10));
    };
    await expect(ask('/new', { timeout: 150, pauses: [] })).rejects.toMatchObject({
      message: containing('no whole answer within 0.15 s'),
    });
    for (const timer of timers) clearInterval(timer);
  });

  it('a truncated answer is none', async () => {
    service.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('https://discovery.etcd.io/3e86b5');
      setImmediate(() => response.destroy());
    };
    await expect(ask()).rejects.toMatchObject({ code: 'DISCOVERY_UNREACHABLE', ...alternatives });
    expect(service.asked).toHaveLength(3);
  });

  it('no connection is told as such', async () => {
    const { origin } = service;
    await service.stop();
    await expect(askNewToken(`${origin}/new`, 3, QUICK)).rejects.toMatchObject({
      code: 'DISCOVERY_UNREACHABLE',
      message: containing('ECONNREFUSED'),
      ...alternatives,
    });
    service = await StandInService.start();
  });

  it('Ctrl-C ends a pause at once', async () => {
    service.says('', 503);
    const controller = new AbortController();
    const asking = ask('/new', {
      timeout: 1000,
      pauses: [600_000],
      signal: controller.signal,
      onRetry: () => controller.abort(),
    });
    await expect(asking).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

describe('proxies of the environment', () => {
  it('HTTP_PROXY is asked for http', async () => {
    process.env.HTTP_PROXY = service.origin;
    expect(await askNewToken('http://discovery.example.com/new', 3, QUICK)).toMatch(/0123456789abcdef/);
    expect(service.asked).toEqual(['http://discovery.example.com/new?size=3']);
  });

  it('HTTPS_PROXY is asked for a tunnel to the https port', async () => {
    const tunnels: string[] = [];
    const { createServer } = await import('node:http');
    const proxy = createServer().listen(0, '127.0.0.1');
    proxy.on('connect', ({ url = '' }, socket) => {
      tunnels.push(url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise((resolve) => proxy.once('listening', resolve));
    process.env.HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    await expect(askNewToken('https://discovery.example.com/new', 3, { ...QUICK, pauses: [] })).rejects.toMatchObject({
      code: 'DISCOVERY_UNREACHABLE',
      message: containing('403'),
    });
    expect(tunnels).toEqual(['discovery.example.com:443']);
    proxy.close();
  });

  it('NO_PROXY names who is asked directly', async () => {
    process.env.HTTP_PROXY = 'http://127.0.0.1:1';
    process.env.NO_PROXY = '127.0.0.1';
    expect(await ask()).toMatch(/0123456789abcdef/);
  });

  it('one that is no URL is named', async () => {
    process.env.HTTPS_PROXY = 'proxy.example.com:x';
    await expect(ask()).rejects.toMatchObject({
      code: 'PROXY_UNUSABLE',
      hint: containing('http://proxy.example.com'),
    });
  });
});

describe('a discovery URL', () => {
  it('knows good ones', () => {
    for (const url of [
      'https://discovery.etcd.io/3e86b59982e49066c5d813af1c2e2579cbf573de',
      'http://[::1]:2379/v2/keys/x_y.z~1',
    ]) {
      expect(tokenUrlProblem(url)).toBeUndefined();
    }
  });

  it('from a service asked over https must be https, too', () => {
    const service = 'https://discovery.etcd.io/new';
    expect(tokenUrlProblem('http://discovery.etcd.io/abc', service)).toBe('it is plain http, though asked over https');
    expect(tokenUrlProblem('https://other.example.com/abc', service)).toBeUndefined();
    expect(tokenUrlProblem('http://10.0.0.9/abc', 'http://10.0.0.9/new')).toBeUndefined();
  });
});
