import type { HostState } from '../cluster/host-state.js';
import type { Manifest } from './manifest.js';
import type { Observation } from './observation.js';
import { step, type Step } from './step.js';

/**
 * Of a user who is there already only the password is set, as in coreos-cloudinit; nobody is ever removed. Of several
 * entries for one user the first creates, and the last password counts.
 */
export function* userSteps(desired: HostState, observed: Observation): Generator<Step> {
  const first = new Map([...desired.users].reverse().map((user) => [user.name, user]));
  const hashes = new Map(desired.users.flatMap((user) => (user.passwordHash ? [[user.name, user.passwordHash]] : [])));
  for (const name of new Set(desired.users.map((user) => user.name))) {
    const user = first.get(name);
    const hash = hashes.get(name);
    const there = observed.users.get(name);
    if (!there && user) yield step({ kind: 'user-create', user }, name, 'there is no such user');
    if (hash !== undefined && hash !== there?.passwordHash) {
      yield step({ kind: 'user-password', name, hash }, name, there ? 'has another password' : 'the user is new');
    }
  }
}

export interface KeyPlan {
  readonly steps: readonly Step[];
  /** For the manifest. */
  readonly keys: Manifest['keys'];
}

/**
 * Adds keys that are missing, and takes those away that an earlier user-data brought and the present one has not: a key
 * that was taken out must not log in any more. Keys from elsewhere stay.
 */
export function planKeys(desired: HostState, observed: Observation): KeyPlan {
  const before = observed.manifest?.keys ?? {};
  const wanted = new Map<string, Set<string>>(Object.keys(before).map((user) => [user, new Set<string>()]));
  for (const { user, keys } of desired.authorizedKeys) {
    const all = wanted.get(user) ?? new Set<string>();
    for (const key of keys.map((line) => line.trim()).filter((line) => line !== '')) all.add(key);
    wanted.set(user, all);
  }
  const steps: Step[] = [];
  const own: Record<string, readonly string[]> = {};
  for (const [user, keys] of wanted) {
    const there = observed.users.get(user);
    const present = new Set((there?.authorizedKeys ?? []).map((key) => key.trim()));
    const mine = new Set(before[user] ?? []);
    const add = [...keys].filter((key) => !present.has(key));
    const remove = [...mine].filter((key) => !keys.has(key) && present.has(key));
    const reasons = [
      ...(add.length > 0 ? [`${add.length} key(s) may not log in yet`] : []),
      ...(remove.length > 0 ? [`${remove.length} key(s) are no longer in the user-data`] : []),
    ];
    if (reasons.length > 0) steps.push(step({ kind: 'authorized-keys', user, add, remove }, user, reasons.join(', ')));
    const kept = [...keys].filter((key) => mine.has(key) || add.includes(key));
    if (kept.length > 0) own[user] = kept;
  }
  return { steps, keys: own };
}
