import type { HostState } from '../cluster/host-state.js';
import type { Cluster, Member } from '../cluster/types.js';
import { etcdEnvironment, wantsEtcd } from '../plan/adapt.js';
import { TLS_DIRECTORY } from '../etcd/transport.js';
import { versionFindings } from '../discovery/dns/judge.js';
import type { EtcdVersion } from '../etcd/version.js';
import { InputError } from '../util/errors.js';

/** What the rules look at. */
export interface Checked {
  readonly member: Member;
  readonly cluster: Cluster;
  readonly desired: HostState;
  /** The etcd of its host, as far as it is known. */
  readonly etcd?: EtcdVersion | undefined;
  /** Name of the rendered file, for messages. */
  readonly file: string;
}

interface Subject extends Checked {
  /** What the drop-ins give to etcd: read once, since it is long in a large cluster. */
  readonly environment: ReadonlyMap<string, string>;
}

/** Whether etcd has certificates that coreup does not make. */
function hasOwnCertificates(environment: Subject['environment']): boolean {
  const files = ['ETCD_CERT_FILE', 'ETCD_PEER_CERT_FILE'].map((name) => environment.get(name));
  return files.some((path) => path?.startsWith(`${TLS_DIRECTORY}/`) === false);
}

type Rule = (subject: Subject) => { readonly message: string; readonly hint: string } | undefined;

/** Found here, in a second, instead of by a member that never becomes healthy. */
const RULES: readonly Rule[] = [
  etcdIsConfigured,
  etcdIsStarted,
  workerIsNoMember,
  etcdFindsMembers,
  ownPeerUrlIsListed,
];

/**
 * Checks that a member's user-data can become a member of the cluster.
 *
 * @throws InputError USER_DATA_UNFIT with the first rule that is broken
 */
export function checkUserData(checked: Checked): void {
  const subject = { ...checked, environment: etcdEnvironment(checked.desired) };
  for (const rule of RULES) {
    const problem = rule(subject);
    if (!problem) continue;
    throw new InputError(`${checked.file} (${checked.member.name}): ${problem.message}`, {
      code: 'USER_DATA_UNFIT',
      hint: problem.hint,
      member: checked.member.name,
      location: { file: checked.file },
    });
  }
}

function etcdIsConfigured({ environment, member }: Subject): ReturnType<Rule> {
  if (member.role === 'worker' || environment.has('ETCD_NAME')) return undefined;
  return {
    message: 'there is no coreos.etcd2 section, so this member would not be part of a cluster',
    hint: 'Add a `coreos: etcd2:` section; `coreup init` in an empty directory writes one to start from.',
  };
}

function etcdIsStarted({ desired, member }: Subject): ReturnType<Rule> {
  if (member.role === 'worker' || wantsEtcd(desired)) return undefined;
  return {
    message: 'nothing starts etcd2.service',
    hint: 'Add to coreos.units: `- name: etcd2.service`, with `command: start` and `enable: true`.',
  };
}

/** A template that is the same for all would make members of the workers too. */
function workerIsNoMember({ desired, environment, member }: Subject): ReturnType<Rule> {
  if (member.role !== 'worker' || !wantsEtcd(desired) || environment.get('ETCD_PROXY') === 'on') return undefined;
  return {
    message: 'this worker would start etcd as a member',
    hint: 'In the template, ask for member.role: a worker needs `proxy: "{{etcd.proxy}}"` and `initial-cluster: {{etcd.initial_cluster}}`, or no etcd at all.',
  };
}

/** Known before a host is booted, where coreup makes the hosts; otherwise once it has looked at them. */
function etcdFindsMembers({ environment, member, etcd }: Subject): ReturnType<Rule> {
  const domain = environment.get('ETCD_DISCOVERY_SRV');
  if (member.role !== 'etcd' || domain === undefined) return undefined;
  const advertised = environment.get('ETCD_INITIAL_ADVERTISE_PEER_URLS') ?? '';
  const [finding] = versionFindings(advertised.startsWith('https://') ? 'https' : 'http', { domain, etcd });
  return finding && { message: finding.message, hint: finding.hint ?? '' };
}

/**
 * etcd refuses to start unless the URLs it advertises to peers are the ones that initial-cluster has for its name
 * (etcd documentation, "Clustering Guide", static).
 */
function ownPeerUrlIsListed({ environment, member }: Subject): ReturnType<Rule> {
  const list = environment.get('ETCD_INITIAL_CLUSTER');
  // Unset, etcd advertises itself at localhost.
  const advertised = environment.get('ETCD_INITIAL_ADVERTISE_PEER_URLS') ?? 'http://localhost:2380';
  if (member.role !== 'etcd' || list === undefined) return undefined;
  const name = environment.get('ETCD_NAME') ?? member.name;
  const own = urlsOf(name, list);
  // etcd resolves names before it compares, as those of a membership that was found by SRV records.
  const named = own.some((url) => /^https?:\/\/(?=[^/:]*[a-z])[^/:,]+:\d+$/i.test(url));
  const missing = named ? [] : advertised.split(',').filter((url) => !own.includes(url));
  if (missing.length === 0) return undefined;
  return {
    message: `initial-cluster does not have ${name}=${missing.join(',')}, which initial-advertise-peer-urls says`,
    hint: hasOwnCertificates(environment)
      ? 'Static discovery with certificates of your own is not built. Leave cert-file, peer-cert-file and the like out: coreup makes the certificates, and puts https URLs everywhere.'
      : `Use ${own[0]?.startsWith('https:') ? 'https' : 'http'}://$private_ipv4:2380 for initial-advertise-peer-urls: coreup puts the same URL into initial-cluster. For other addresses, such as IPv6 ones, write initial-cluster yourself, with every member in it.`,
  };
}

/** The URLs of one member in a list of `NAME=URL`; found without taking the list of a thousand members apart. */
function urlsOf(name: string, list: string): string[] {
  const urls: string[] = [];
  const entry = `,${name}=`;
  const listed = `,${list},`;
  for (let at = listed.indexOf(entry); at >= 0; at = listed.indexOf(entry, at + 1)) {
    const start = at + entry.length;
    urls.push(listed.slice(start, listed.indexOf(',', start)));
  }
  return urls;
}
