/** The type that a cloud-config value is read as. */
export type SettingType = 'string' | 'int' | 'float' | 'bool';

/** What a value may be: a pattern for the whole text, and the same in words for a person. */
export interface Allowed {
  readonly pattern: RegExp;
  readonly words: string;
}

/** One key of a cloud-config section that becomes an environment variable of a daemon. */
export interface Setting {
  /** As in coreos-cloudinit, with `_`; `-` means the same in a document. */
  readonly key: string;
  readonly env: string;
  readonly type: SettingType;
  readonly valid?: Allowed;
  /** Why the key is no longer of use; coreos-cloudinit warns about it. */
  readonly deprecated?: string;
}

/** Shorthand for tables of settings: the variable is PREFIX_KEY, unless `env` is given. */
export function setting(
  prefix: string,
  key: string,
  type: SettingType = 'string',
  more: { env?: string; valid?: Allowed; deprecated?: string } = {},
): Setting {
  return { key, type, ...more, env: more.env ?? `${prefix}_${key.toUpperCase()}` };
}
