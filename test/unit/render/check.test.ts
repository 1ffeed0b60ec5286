import { describe, expect, it } from '@jest/globals';
import { readUserData } from '../../../src/cloud-config/read-user-data.js';
import { checkUserData } from '../../../src/render/check.js';
import type { Role } from '../../../src/cluster/types.js';
import { STATIC } from '../../fixtures/user-data.js';
import { clusterOf } from './support.js';

/** Checks the first member's user-data as it is, without rendering it. */
function check(text: string, role: Role = 'etcd'): void {
  const cluster = clusterOf(2);
  const [first] = cluster.members;
  if (!first) return;
  const vars = { private_ipv4: '10.1.0.1', public_ipv4: '192.0.2.1', public_ipv6: '', private_ipv6: '' };
  const { state } = readUserData({ file: 'user-data-1', text }, { vars });
  checkUserData({ member: { ...first, role }, cluster, desired: state, file: 'user-data-1' });
}

describe('checkUserData', () => {
  it('passes what can become a member', () => {
    check(STATIC);
  });

  it.each([
    ['no etcd2 section', STATIC.replace(/  etcd2:\n(    .*\n)+/, ''), /there is no coreos\.etcd2 section/],
    [
      'nothing that starts etcd2',
      STATIC.replace('command: start\n      enable: true', 'command: stop'),
      /nothing starts etcd2/,
    ],
    [
      'another port for peers',
      STATIC.replace('peer_urls: http://$private_ipv4:2380', 'peer_urls: http://$private_ipv4:7001'),
      /does not have core-01=http:\/\/10\.1\.0\.1:7001/,
    ],
    [
      'the public address for peers',
      STATIC.replace('peer_urls: http://$private_ipv4', 'peer_urls: http://$public_ipv4'),
      /does not have core-01=http:\/\/192\.0\.2\.1:2380/,
    ],
    [
      'no address for peers',
      STATIC.replace(/    initial_advertise_peer_urls.*\n/, ''),
      /does not have core-01=http:\/\/localhost:2380/,
    ],
    [
      'a name that is not listed',
      STATIC.replace("name: 'core-01'", 'name: other'),
      /does not have other=http:\/\/10\.1\.0\.1:2380/,
    ],
    [
      'one peer URL of two that is not listed',
      STATIC.replace(
        'peer_urls: http://$private_ipv4:2380',
        'peer_urls: http://$private_ipv4:2380,http://$private_ipv4:7001',
      ),
      /does not have core-01=http:\/\/10\.1\.0\.1:7001,/,
    ],
  ])('refuses %s, naming file and member, with what to write', (_, text, message) => {
    expect(text).not.toBe(STATIC);
    expect(() => check(text)).toThrow(
      expect.objectContaining({
        code: 'USER_DATA_UNFIT',
        exitCode: 2,
        member: 'core-01',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/\w/),
      }),
    );
  });

  it('says that certificates of the user go no further, where peer URLs have https', () => {
    const text = STATIC.replace(
      'peer_urls: http://$private_ipv4:2380',
      'peer_urls: https://$private_ipv4:2380\n    peer_cert_file: /etc/ssl/peer.pem',
    );
    expect(() => check(text)).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(/^Static discovery with certificates of your own is not built/),
      }),
    );
  });

  it('names the URL that coreup would write, and the way for others', () => {
    const text = STATIC.replace('peer_urls: http://$private_ipv4:2380', 'peer_urls: "https://[fd00::1]:2380"');
    const hint = (said: string): string => {
      try {
        check(said);
      } catch (error) {
        return (error as { readonly hint?: string }).hint ?? '';
      }
      return 'accepted';
    };
    expect(hint(text)).toMatch(/^Use http:.*write initial-cluster yourself/);
    const secure = text.replace('core-01=http:', 'core-01=https:');
    expect(hint(secure)).toMatch(/^Use https:/);
    // As coreup renders it with its own certificates.
    const ours = secure.replace(/( +)(initial-cluster:)/, '$1peer-cert-file: /etc/coreup/pki/peer.pem\n$1$2');
    expect(ours).not.toBe(secure);
    expect(hint(ours)).toMatch(/^Use https:/);
  });

  it('wants nothing of the kind from a worker', () => {
    check('#cloud-config\nhostname: x\n', 'worker');
  });

  it('accepts several peer URLs when initial-cluster has them all', () => {
    const both = 'core-01=http://10.1.0.1:2380,core-01=http://10.1.0.1:7001';
    check(
      STATIC.replace(
        'peer_urls: http://$private_ipv4:2380',
        'peer_urls: http://$private_ipv4:2380,http://$private_ipv4:7001',
      ).replace('core-01=http://10.1.0.1:2380', both),
    );
  });
});
