/**
 * Settings of ssh_config(5) that coreup does not follow and that somebody may count on, so that they are told. The table
 * in docs/ssh.md has the others: those that are followed, and those that mean nothing to coreup.
 *
 * By the name that `ssh -G` prints: the setting as people write it, and which values (in lower case) are told.
 */
const IGNORED: Readonly<Record<string, readonly [name: string, matters: (value: string) => boolean]>> = {
  bindinterface: ['BindInterface', always],
  certificatefile: ['CertificateFile', always],
  knownhostscommand: ['KnownHostsCommand', always],
  nohostauthenticationforlocalhost: ['NoHostAuthenticationForLocalhost', (value) => value === 'yes'],
  pkcs11provider: ['PKCS11Provider', always],
  preferredauthentications: ['PreferredAuthentications', (value) => !value.split(',').includes('publickey')],
  pubkeyauthentication: ['PubkeyAuthentication', (value) => value === 'false' || value === 'no'],
  stricthostkeychecking: ['StrictHostKeyChecking', (value) => ['false', 'no', 'off', 'accept-new'].includes(value)],
  verifyhostkeydns: ['VerifyHostKeyDNS', (value) => value !== 'false' && value !== 'no'],
};

/** @param one the value that ssh prints for a keyword, undefined for none */
export function ignoredOf(one: (key: string) => string | undefined): string[] {
  return Object.entries(IGNORED).flatMap(([key, [name, matters]]) => {
    const value = one(key);
    return value !== undefined && matters(value.toLowerCase()) ? [name] : [];
  });
}

function always(): boolean {
  return true;
}
