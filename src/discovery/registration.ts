/** A member as it has registered with a token. */
export interface Registration {
  /** etcd's ID of it (hex), made from its peer URLs and the discovery URL. */
  readonly id: string;
  /** '' where what it registered cannot be read. */
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Who has to register. */
export interface Expected {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/**
 * Reads what a member puts under its ID: `name=url` pairs joined by commas, one per peer URL (etcd, pkg/types,
 * URLsMap.String).
 *
 * @returns undefined if it is something else, or names several members
 */
export function parseRegistration(value: string): Expected | undefined {
  const pairs = value.split(',').map((pair) => {
    const equals = pair.indexOf('=');
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  const [first] = pairs;
  if (first === undefined || first[0] === '' || pairs.some(([name]) => name !== first[0])) return undefined;
  const peerUrls = pairs.map(([, url]) => url);
  return peerUrls.every((url) => URL.canParse(url)) ? { name: first[0], peerUrls } : undefined;
}

/** Whether a registration is this member's: the same name and, in any order, the same peer URLs. */
export function isRegistrationOf(registered: Expected, member: Expected): boolean {
  const list = (urls: readonly string[]): string => [...urls].sort().join();
  return registered.name === member.name && list(registered.peerUrls) === list(member.peerUrls);
}
