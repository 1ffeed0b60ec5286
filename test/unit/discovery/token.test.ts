import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkToken, look, type TokenView } from '../../../src/discovery/token.js';
import { isRegistrationOf, parseRegistration } from '../../../src/discovery/registration.js';
import { StandInService } from './stand-in-service.js';

const QUICK = { timeout: 300, pauses: [1] };
const containing = (text: string): unknown => expect.stringContaining(text);

/** As a real etcd answers for a token: what is registered in another order than it came. */
const DIRECTORY = JSON.stringify({
  action: 'get',
  node: {
    key: '/discovery/abc',
    dir: true,
    nodes: [
      {
        key: '/discovery/abc/b2',
        value: 'core-02=http://10.0.0.2:2380',
        modifiedIndex: 9,
        createdIndex: 9,
      },
      {
        key: '/discovery/abc/a1',
        value: 'core-01=http://10.0.0.1:2380,core-01=http://10.0.0.1:7001',
        modifiedIndex: 8,
        createdIndex: 8,
      },
      { key: '/discovery/abc/_config', dir: true, modifiedIndex: 4, createdIndex: 4 },
      { key: '/discovery/abc/c3', value: 'gibberish', modifiedIndex: 10, createdIndex: 10 },
    ],
    modifiedIndex: 4,
    createdIndex: 4,
  },
});
const sizeOf = (value: string): string =>
  JSON.stringify({ action: 'get', node: { key: '/x', value, createdIndex: 4 } });

describe('looking at a token', () => {
  let service: StandInService;
  let size = sizeOf('3');
  let directory = DIRECTORY;

  beforeEach(async () => {
    service = await StandInService.start();
    [size, directory] = [sizeOf('3'), DIRECTORY];
    service.answer = ({ url = '' }, response) => response.end(url.endsWith('/_config/size') ? size : directory);
  });
  afterEach(() => service.stop());

  const seen = () => look(`${service.origin}/v2/keys/discovery/abc`, QUICK);

  it('tells the size, and who has registered in which order', async () => {
    expect(await seen()).toEqual({
      size: 3,
      members: [
        { id: 'a1', name: 'core-01', peerUrls: ['http://10.0.0.1:2380', 'http://10.0.0.1:7001'] },
        { id: 'b2', name: 'core-02', peerUrls: ['http://10.0.0.2:2380'] },
        { id: 'c3', name: '', peerUrls: [] },
      ],
    });
    expect(service.asked).toEqual(['/v2/keys/discovery/abc/_config/size', '/v2/keys/discovery/abc']);
  });

  it('takes a directory without anybody', async () => {
    directory = JSON.stringify({ node: { key: '/discovery/abc', dir: true } });
    expect(await seen()).toEqual({ size: 3, members: [] });
  });

  it('tells a token that the service does not know', async () => {
    service.says('{"errorCode":100,"message":"Key not found","cause":"/discovery/abc","index":7}', 404);
    await expect(seen()).rejects.toMatchObject({ code: 'DISCOVERY_TOKEN', hint: containing('coreup token new') });
    expect(service.asked).toHaveLength(1);
  });

  it.each([
    ['HTML', '<html>captive portal</html>', "not etcd's"],
    ['another JSON', '{"hello":1}', "not etcd's"],
    ['truncated JSON', DIRECTORY.slice(0, 100), "not etcd's"],
    ['no JSON', '', "not etcd's"],
    ['a list', '[]', "not etcd's"],
    ['a key where a directory should be', '{"node":{"nodes":"many"}}', "not etcd's"],
  ])('refuses %s', async (_what, text, reason) => {
    directory = text;
    await expect(seen()).rejects.toMatchObject({ code: 'DISCOVERY_ANSWER', message: containing(reason) });
  });

  it.each(['0', '-1', '', 'three', '1e3', '99999', ' 3'])('refuses the size %j', async (value) => {
    size = sizeOf(value);
    await expect(seen()).rejects.toMatchObject({
      code: 'DISCOVERY_ANSWER',
      message: containing('no number of members'),
    });
  });

  it('reads no 10 MB', async () => {
    directory = 'x'.repeat(10 * 1024 * 1024);
    await expect(seen()).rejects.toMatchObject({ code: 'DISCOVERY_ANSWER', message: containing('more than') });
  });

  it('does not follow a redirect', async () => {
    service.says('', 302, { location: 'http://127.0.0.1:1/' });
    await expect(seen()).rejects.toMatchObject({
      code: 'DISCOVERY_ANSWER',
      message: containing('redirects to "http://127.0.0.1:1/"'),
    });
  });

  it('tells 403 and 503 apart', async () => {
    service.says('no', 403);
    await expect(seen()).rejects.toMatchObject({ code: 'DISCOVERY_ANSWER', message: containing('answers 403: "no"') });
    service.says('', 503);
    await expect(seen()).rejects.toMatchObject({ code: 'DISCOVERY_UNAVAILABLE' });
  });

  it('gives a slow one up', async () => {
    service.answer = () => undefined;
    await expect(look(`${service.origin}/abc`, { timeout: 50, pauses: [] })).rejects.toMatchObject({
      code: 'DISCOVERY_UNREACHABLE',
    });
  });
});

describe('checking a token against the cluster', () => {
  const url = 'https://discovery.example.com/abc';
  const own = [1, 2, 3].map((n) => ({ name: `core-0${n}`, peerUrls: [`http://10.0.0.${n}:2380`] }));
  const registered = (...names: string[]): TokenView['members'] =>
    own.filter(({ name }) => names.includes(name)).map((member, index) => ({ id: `${index}a`, ...member }));

  it('takes an unused one, and one that some of our own have registered with', () => {
    expect(checkToken(url, { size: 3, members: [] }, own)).toEqual([]);
    expect(checkToken(url, { size: 3, members: registered('core-03', 'core-01') }, own)).toEqual([
      'core-01',
      'core-03',
    ]);
  });

  it('refuses another size, and says which', () => {
    expect(() => checkToken(url, { size: 5, members: [] }, own)).toThrow(
      'the discovery token abc waits for 5 members; this cluster has 3 etcd members',
    );
    expect(() => checkToken(url, { size: 1, members: [] }, own)).toThrow('waits for 1 member;');
  });

  it("refuses another cluster's, also one with the same names", () => {
    const members = [{ id: 'f00', name: 'core-01', peerUrls: ['http://192.168.1.1:2380'] }];
    expect(() => checkToken(url, { size: 3, members }, own)).toThrow(
      expect.objectContaining({
        code: 'DISCOVERY_FOREIGN',
        message: containing('core-01 (http://192.168.1.1:2380) has registered and is not in this cluster'),
      }),
    );
  });

  it('refuses one with something unreadable, by its ID', () => {
    const members = [{ id: 'f00', name: '', peerUrls: [] }];
    expect(() => checkToken(url, { size: 3, members }, own)).toThrow('f00 (unreadable) has registered');
  });

  it('refuses one that a member has registered with twice', () => {
    const members = [...registered('core-01'), { id: 'ff', ...own[0] }] as TokenView['members'];
    expect(() => checkToken(url, { size: 3, members }, own)).toThrow('core-01 has registered twice');
  });
});

describe('a registration', () => {
  it('names a member and its peer URLs', () => {
    expect(parseRegistration('a=http://x:1,a=http://y:2')).toEqual({
      name: 'a',
      peerUrls: ['http://x:1', 'http://y:2'],
    });
  });

  it.each(['', 'a', '=http://x', 'a=', 'a=nothing', 'a=http://x:1,b=http://y:2', 'a=http://x:1,'])(
    'is not %j',
    (value) => {
      expect(parseRegistration(value)).toBeUndefined();
    },
  );

  it('is the same in any order of the URLs', () => {
    const member = { name: 'a', peerUrls: ['http://x:1', 'http://y:2'] };
    expect(isRegistrationOf({ name: 'a', peerUrls: ['http://y:2', 'http://x:1'] }, member)).toBe(true);
    expect(isRegistrationOf({ name: 'a', peerUrls: ['http://y:2'] }, member)).toBe(false);
    expect(isRegistrationOf({ ...member, name: 'b' }, member)).toBe(false);
  });
});
