import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

const FILE = '/etc/dnsmasq.d/coreup-e2e-dns-host.conf';
/** As Debian's dnsmasq.service has it, in short. */
const UNIT = `[Service]
Type=forking
ExecStart=/usr/sbin/dnsmasq -x /run/dnsmasq.pid -7 /etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new --local-service --no-resolv
PIDFile=/run/dnsmasq.pid
`;

/** The records in the real dnsmasq of a machine that exists; the machines of the cluster exist, too. */
describe('DNS discovery with records on a host that the user names', () => {
  let hosts: BareHosts;
  let project: TestProject;
  let server: TestProject;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3);
    const [first, second, dns] = hosts.hosts;
    project = await TestProject.create(`{
      cluster_name: 'e2e-dns-host',
      discovery: { mode: 'dns', domain: 'example.test', managed: ${JSON.stringify(dns)}, peer_auto_tls: true },
      provider: { kind: 'ssh', hosts: ${JSON.stringify([first, second])} },
    }`);
    // A project only to look at the name server with.
    server = await TestProject.create(
      `{ cluster_name: 'e2e-dns-look', provider: { kind: 'ssh', hosts: ${JSON.stringify([{ ...dns, name: 'dns' }])} } }`,
    );
  });
  afterAll(() => hosts.dispose());

  const onServer = (command: string, input = '') => server.coreup(['ssh', 'dns', '--', command], { input });

  it('names the package where there is no dnsmasq, and starts nothing', async () => {
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain('the name server 172.17.8.103 has no dnsmasq that systemd runs');
    expect(stderr).toContain('apt-get install dnsmasq');
    const running = await project.coreup(['exec', '--', 'systemctl is-active etcd2; true']);
    expect(running.stdout).not.toMatch(/: active/);
  });

  it('does not touch a file of somebody else', async () => {
    await installDnsmasq();
    await onServer(`sudo sh -c 'cat >${FILE}'`, '# mine\n');
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain(`has a file of that name that coreup did not write, or that was edited since (${FILE})`);
    expect((await onServer(`cat ${FILE}; sudo rm ${FILE}`)).stdout).toBe('# mine');
  });

  it('serves the records there, and the members find each other', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status.etcd.members.map(({ peer_urls }) => peer_urls)).toEqual([
      ['https://core-01.example.test:2380'],
      ['https://core-02.example.test:2380'],
    ]);
    expect(await project.json(['dns', 'check'])).toMatchObject({
      ok: true,
      members: [{ nameserver: '172.17.8.103' }, { nameserver: '172.17.8.103' }],
    });
    expect((await onServer(`systemctl is-active dnsmasq; ls -A /etc/dnsmasq.d`)).stdout).toBe(
      'active\ncoreup-e2e-dns-host.conf',
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  /** The images have no dnsmasq, and hosts cannot reach an archive: this machine's own, with its libraries, goes there. */
  async function installDnsmasq(): Promise<void> {
    const { stdout } = await execa('ldd', ['/usr/sbin/dnsmasq']);
    const libraries = [...stdout.matchAll(/=> (\/\S+)/g)].map(([, path = '']) => path);
    const archive = await execa('tar', ['cz', '-h', '-P', '/usr/sbin/dnsmasq', ...libraries], { encoding: 'buffer' });
    await onServer('base64 -d >/tmp/dnsmasq.tar.gz', Buffer.from(archive.stdout).toString('base64'));
    await onServer(
      `sudo sh -c 'tar xzP --skip-old-files -f /tmp/dnsmasq.tar.gz && mkdir -p /etc/dnsmasq.d && touch /etc/dnsmasq.conf && cat >/etc/systemd/system/dnsmasq.service && systemctl daemon-reload && (id dnsmasq || useradd --system dnsmasq) && systemctl start dnsmasq'`,
      UNIT,
    );
  }
});
