import { createHash } from 'node:crypto';
import type { Connection } from '../ssh/port.js';
import { CoreupError } from '../util/errors.js';
import { sh } from '../util/shell.js';

const TIMEOUT = 60_000;

/** How the script on the host ends where it cannot do what it should. */
const REFUSALS: Readonly<Record<number, { readonly code: string; readonly message: string; readonly hint: string }>> = {
  10: {
    code: 'DNS_NO_DNSMASQ',
    message: 'has no dnsmasq that systemd runs',
    hint: 'Install it there: `apt-get install dnsmasq` on Debian.',
  },
  11: {
    code: 'DNS_NO_DIRECTORY',
    message: 'has a dnsmasq that does not read /etc/dnsmasq.d',
    hint: 'Make the directory, and let dnsmasq.conf have the line `conf-dir=/etc/dnsmasq.d/,*.conf`.',
  },
  12: {
    code: 'DNS_FOREIGN',
    message: 'has a file of that name that coreup did not write, or that was edited since',
    hint: 'Move it away there; coreup overwrites only what it wrote.',
  },
  13: {
    code: 'DNS_REFUSED',
    message: 'has a dnsmasq that does not take the records; what was there before is back',
    hint: 'Something else in its configuration may contradict them: `dnsmasq --test` there says where.',
  },
  14: {
    code: 'DNS_NOT_RUNNING',
    message: 'has a dnsmasq that does not start with the records; what was there before is back',
    hint: 'Another server may have port 53: `journalctl -u dnsmasq` and `ss -lunp` there tell.',
  },
};

/**
 * Puts a cluster's records into the dnsmasq of a host, and restarts it where they are new. The file says itself what it
 * holds, so that one that somebody else wrote or edited is told from coreup's.
 *
 * @param records options for dnsmasq.conf
 * @returns whether anything was changed
 * @throws CoreupError DNS_NO_DNSMASQ, DNS_NO_DIRECTORY, DNS_FOREIGN, DNS_REFUSED or DNS_NOT_RUNNING
 */
export async function publishRecords(connection: Connection, cluster: string, records: string): Promise<boolean> {
  const body = `# Records of the etcd cluster ${cluster}\n${records}`;
  const content = `${marker(body)}\n${body}`;
  const out = await runScript(connection, publishScript(fileOf(cluster)), content, cluster);
  return out.includes('changed');
}

function fileOf(cluster: string): string {
  return `/etc/dnsmasq.d/coreup-${cluster}.conf`;
}

function marker(body: string): string {
  return `# Written by coreup; do not edit: ${createHash('sha256').update(body).digest('hex')}`;
}

async function runScript(connection: Connection, text: string, content: string, cluster: string): Promise<string> {
  const result = await connection.run({ text, input: [Buffer.from(content)], sudo: true }, { timeout: TIMEOUT });
  if (result.code === 0) return result.stdout.toString();
  const refusal = REFUSALS[result.code ?? -1];
  const said = result.stderr.toString().trim().split('\n').slice(-2).join('; ');
  const where = `the name server ${connection.target.address}`;
  throw new CoreupError(
    `${where} ${refusal?.message ?? 'could not be told the records'} (${fileOf(cluster)})${said === '' ? '' : `: ${said}`}`,
    { code: refusal?.code ?? 'DNS_SERVER', ...(refusal === undefined ? {} : { hint: refusal.hint }) },
  );
}

/** Whether the file is there and is as coreup wrote it: its first line has the digest of the others. */
const OWN = `own() { [ "$(sed 1d "$file" | sha256sum | cut -d' ' -f1)" = "$(sed -n '1s/^# Written by coreup; do not edit: //p' "$file")" ]; }`;

function publishScript(file: string): string {
  return `PATH=$PATH:/usr/sbin:/sbin
${sh`file=${file}`}
${OWN}
command -v dnsmasq >/dev/null && systemctl cat dnsmasq.service >/dev/null 2>&1 || exit 10
[ -d /etc/dnsmasq.d ] || exit 11
new=$(mktemp /etc/dnsmasq.d/.coreup-XXXXXX) && old=$(mktemp /etc/dnsmasq.d/.coreup-XXXXXX) || exit 1
trap 'rm -f "$new" "$old"' EXIT
cat >"$new" && chmod 644 "$new" || exit 1
back() { if [ -n "$had" ]; then cat "$old" >"$file"; else rm -f "$file"; fi; systemctl restart dnsmasq; }
had=
if [ -e "$file" ]; then
  own || exit 12
  had=yes
  cat "$file" >"$old"
  if cmp -s "$new" "$file" && systemctl is-active --quiet dnsmasq; then echo same; exit 0; fi
fi
dnsmasq --test --conf-file="$new" >&2 || exit 13
cp "$new" "$new.moved" && mv "$new.moved" "$file" || exit 1
systemctl restart dnsmasq && systemctl is-active --quiet dnsmasq || { back; exit 14; }
echo changed
`;
}
