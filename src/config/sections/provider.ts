import * as z from 'zod';
import { address, hostName, ipv4, metadataKey, metadataValue, subnet } from '../grammar.js';
import { path, text, wholeNumber } from '../words.js';

/** Machine metadata of one member, as fleet knows it. */
export const metadata = () => z.record(metadataKey(), metadataValue());

/** How to log in to a machine that exists, and how to know it. */
export const loginShape = () => ({
  address: address().describe('An IP address, a host name, or a name from your ssh configuration.'),
  user: text('a user name', /^[A-Za-z_][A-Za-z0-9._-]*\$?$/)
    .optional()
    .describe('The user to log in as, by default what ssh would use; others than root need sudo.'),
  port: wholeNumber(1, 65535).optional().describe('The port of its sshd; by default what ssh would use.'),
  identity_file: path().optional().describe('The private key to log in with; by default what ssh would use.'),
  host_key: text('a public key as in known_hosts, such as "ssh-ed25519 AAAA…"', /^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$/)
    .optional()
    .describe('Its host key, where you know it before the first contact.'),
});

const jumpHost = z.strictObject(loginShape());

const host = z.strictObject({
  name: hostName().optional().describe('Its name in the cluster; by default the prefix and its number.'),
  ...loginShape(),
  jump: z
    .array(jumpHost)
    .max(8)
    .optional()
    .describe('The hosts to go through, one after the other; by default what ssh would use, [] for none.'),
  public_ipv4: ipv4().optional().describe('What $public_ipv4 stands for on this host.'),
  private_ipv4: ipv4().optional().describe('What $private_ipv4 stands for on this host; peers talk to it.'),
  metadata: metadata().optional().describe('Its fleet machine metadata.'),
});

/** Where hosts come from. */
export const providerSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('local').describe('Selects this provider.'),
      suite: z.enum(['bookworm', 'trixie']).default('bookworm').describe('The Debian release that the hosts run.'),
      packages: z
        .array(text('the name of a Debian package', /^[a-z0-9][a-z0-9+.-]+$/))
        .max(100)
        .optional()
        .describe('Debian packages that the hosts have besides what coreup needs; they get an image of their own.'),
      subnet: subnet()
        .default('172.17.8.0/24')
        .describe('The network of the hosts; the first gets .101, as in coreos-vagrant.'),
    })
    .describe('Boots real systemd hosts on this machine.'),
  z
    .strictObject({
      kind: z.literal('ssh').describe('Selects this provider.'),
      hosts: z.array(host).min(1).max(1000).describe('The machines, in the order of the members.'),
    })
    .describe('Takes machines that exist.'),
]);
