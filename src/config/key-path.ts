/** Where a value is within the config: keys and list positions. */
export type KeyPath = readonly (string | number)[];

/** Writes a key path as one would in JavaScript: `provider.hosts[0].address`. */
export function formatPath(path: KeyPath): string {
  return path
    .map((part, position) => {
      if (typeof part === 'number') return `[${part}]`;
      // Member names such as core-01 are common keys and stay readable.
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return position === 0 ? part : `.${part}`;
    })
    .join('');
}

/** The value at a path, or undefined where the path leaves the value. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    root,
  );
}
