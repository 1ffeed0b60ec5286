import * as z from 'zod';
import { discoveryUrl, domainName, httpUrl, ip } from '../grammar.js';
import { loginShape } from './provider.js';
import { text, wholeNumber } from '../words.js';

/** A host that has dnsmasq, reached over SSH like those of the provider ssh. */
const managedHost = z.strictObject(loginShape());

/** How members find each other: one strict object per mode. */
export const discoverySchema = z.discriminatedUnion('mode', [
  z
    .strictObject({ mode: z.literal('static').describe('Selects this mode.') })
    .describe('Every member is told the names and peer URLs of all members. Needs no other service.'),
  z
    .strictObject({
      mode: z.literal('public').describe('Selects this mode.'),
      new_discovery_url: httpUrl()
        .optional()
        .describe('Where a new token is asked for; the number of members is added to it.'),
      url: discoveryUrl()
        .optional()
        .describe('A discovery URL that exists already, token included; none is asked for.'),
    })
    .describe('Members register with a public discovery service such as discovery.etcd.io.'),
  z
    .strictObject({
      mode: z.literal('custom').describe('Selects this mode.'),
      token: text('letters, digits, "-" and "_"', /^[\w-]+$/)
        .optional()
        .describe('The token; by default coreup makes one and keeps it.'),
      endpoint: httpUrl()
        .optional()
        .describe('Client URL of an etcd that serves discovery; by default the first instance is started for it.'),
      path: text('a key prefix, such as discovery', /^[\w/-]+$/)
        .optional()
        .describe('The key below which tokens are kept.'),
    })
    .describe('Members register with an etcd of your own.'),
  z
    .strictObject({
      mode: z.literal('dns').describe('Selects this mode.'),
      domain: domainName().describe('The domain that has the SRV records.'),
      nameserver: ip()
        .optional()
        .describe(
          'The name server that members ask, written into their /etc/resolv.conf; by default the one that coreup manages, ' +
            "otherwise what user-data or the hosts' own resolv.conf says.",
        ),
      managed: z
        .union([z.boolean(), managedHost])
        .optional()
        .describe(
          'Whether coreup serves the records itself, with dnsmasq: true on the bridge of local hosts, or the host on which ' +
            'it does so.',
        ),
      peer_auto_tls: z
        .boolean()
        .optional()
        .describe(
          'Whether peers speak TLS with certificates that each etcd makes itself: encrypted, but not authenticated. ' +
            'etcd 3.4 finds nobody by records for plain http.',
        ),
    })
    .describe('Members look up SRV records.'),
  z
    .strictObject({
      mode: z.literal('ephemeral').describe('Selects this mode.'),
      port: wholeNumber(1, 65535)
        .default(2378)
        .describe('The port, on the loopback interface of each host, at which its etcd finds discovery.'),
    })
    .describe('coreup serves discovery itself, over SSH, while members first start. Needs no other service.'),
]);
