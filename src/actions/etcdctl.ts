import type { Member } from '../cluster/types.js';
import { TLS_FILES } from '../etcd/transport.js';
import { clientAddress } from '../phases/etcd-host.js';
import { quote } from '../util/shell.js';
import { CoreupError } from '../util/errors.js';
import { apiVersionFor } from './etcdctl-api.js';
import { attachTo } from './exec.js';
import { selectMembers } from './hosts.js';
import { desiredHosts, renderProject } from './desired.js';
import type { Project } from './project.js';
import { clusterStatus } from './status.js';

/**
 * Runs the real etcdctl on a healthy member, against that member.
 *
 * @param args as typed after `--`
 * @param api ETCDCTL_API of the person's environment; otherwise 2 for what only the v2 API has, and 3
 * @returns etcdctl's exit code
 */
export async function etcdctl(project: Project, args: readonly string[], api: string | undefined): Promise<number> {
  const member = await healthyMember(project);
  const host = desiredHosts(project, renderProject(project)).find((candidate) => candidate.name === member.name);
  if (!host) throw new RangeError(`no host for ${member.name}`);
  const version = api ?? apiVersionFor(args);
  const { scheme, host: address, port } = clientAddress(host.desired);
  const endpoint = `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  const secure = scheme === 'https' && host.access !== undefined;
  const defaults = [
    { given: /^(--endpoints?|--peers|-C)(=|$)/, flags: [`--endpoints=${endpoint}`] },
    ...(secure ? certificateFlags(version) : []),
  ].filter(({ given }) => !args.some((arg) => given.test(arg)));
  const flags = defaults.flatMap((one) => one.flags);
  const command = ['env', `ETCDCTL_API=${version}`, 'etcdctl', ...flags, ...args].map(quote).join(' ');
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  return attachTo(project, member, command, {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    terminal,
    // The key is root's.
    ...(secure ? { sudo: true } : {}),
  });
}

/** What the two APIs call the same files; nothing is added to what the person gives. */
function certificateFlags(version: string): readonly { readonly given: RegExp; readonly flags: readonly string[] }[] {
  const { ca, client } = TLS_FILES;
  const names = version === '2' ? ['ca-file', 'cert-file', 'key-file'] : ['cacert', 'cert', 'key'];
  const files = [ca, client.cert, client.key];
  const given = new RegExp(`^--?(${names.slice(1).join('|')})(=|$)`);
  return [
    { given: new RegExp(`^--?${names[0]}(=|$)`), flags: [`--${names[0]}=${files[0]}`] },
    { given, flags: [`--${names[1]}=${files[1]}`, `--${names[2]}=${files[2]}`] },
  ];
}

async function healthyMember(project: Project): Promise<Member> {
  const status = await clusterStatus(project);
  const healthy = status.etcd.members.find((member) => member.healthy);
  // Without a quorum nobody is healthy, but a member that answers can still be asked.
  const chosen = healthy ?? status.etcd.members.find((member) => member.version !== '');
  if (!chosen) {
    throw new CoreupError(
      `no etcd member answers: ${status.etcd.members.map(({ name, problem }) => `${name} (${problem ?? 'no answer'})`).join(', ')}`,
      { code: 'NO_MEMBER_ANSWERS', hint: 'Run `coreup up` to bring the cluster up, `coreup status` to see its state.' },
    );
  }
  const [member] = selectMembers(project, [chosen.name]);
  if (!member) throw new RangeError(`no member ${chosen.name}`);
  return member;
}
