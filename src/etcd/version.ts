/** A version of etcd, as far as its behaviour depends on it. */
export interface EtcdVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/**
 * @param output what `etcd --version` prints (`etcd Version: 3.4.23` …), or the bare version
 * @returns undefined if there is no version in it
 */
export function parseEtcdVersion(output: string): EtcdVersion | undefined {
  const found = /(?:etcd Version: |^)(\d+)\.(\d+)\.(\S+)/m.exec(output);
  if (!found) return undefined;
  const [, major = '', minor = '', patch = ''] = found;
  return { major: Number(major), minor: Number(minor), text: `${major}.${minor}.${patch}` };
}

/** True where the v2 API exists but is off unless asked for: etcd 3.4 and 3.5 (`--enable-v2`, removed in 3.6). */
export function needsEnableV2(version: EtcdVersion): boolean {
  return version.major === 3 && (version.minor === 4 || version.minor === 5);
}

/** True for the versions whose JSON gateway is under `/v3` (3.4 and later), which coreup verifies through. */
export function isSupported(version: EtcdVersion): boolean {
  return version.major === 3 && version.minor >= 4;
}

/** True where the v2 API exists at all: up to 3.5 (etcd 3.6 CHANGELOG). Unknown versions count as 3.4. */
export function hasV2Api(version: EtcdVersion | undefined): boolean {
  return isBefore(version, 3, 6);
}

/** True where `--discovery` works, the v2 discovery protocol: up to 3.6. Unknown versions count as 3.4. */
export function hasV2Discovery(version: EtcdVersion | undefined): boolean {
  return isBefore(version, 3, 7);
}

/** True where `--proxy` works: up to 3.5 (etcd 3.6 CHANGELOG). Unknown versions count as 3.4. */
export function hasProxy(version: EtcdVersion | undefined): boolean {
  return isBefore(version, 3, 6);
}

function isBefore(version: EtcdVersion | undefined, major: number, minor: number): boolean {
  if (version === undefined) return true;
  return version.major < major || (version.major === major && version.minor < minor);
}
