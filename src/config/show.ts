const LIMIT = 60;

/** A value as a person would write it, shortened, with its kind where the spelling leaves that open. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `${shorten(JSON.stringify(value))} (text)`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `a list ${shorten(spell(value))}`.trim();
  if (value instanceof Date) return 'a Date';
  return `an object ${shorten(spell(value))}`.trim();
}

function spell(value: object): string {
  try {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  } catch {
    // Circular: its kind has to do.
    return '';
  }
}

function shorten(spelt: string): string {
  return spelt.length <= LIMIT ? spelt : `${spelt.slice(0, LIMIT - 1)}…`;
}
