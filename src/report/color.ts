import { Ansis } from 'ansis';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether a stream gets colours. `--no-color` and NO_COLOR (https://no-color.org) always win; FORCE_COLOR gives colours to
 * pipes and files, too, and `0` or `false` none at all; without both, a terminal that is not `dumb` has them.
 *
 * @param wanted false with `--no-color`
 */
export function hasColors(wanted: boolean, stream: { readonly isTTY?: boolean }, env: Environment): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (!wanted || NO_COLOR) return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}

/** What paints texts for a stream of this program. */
export function painter(wanted: boolean, stream: { readonly isTTY?: boolean }): Ansis {
  return new Ansis(hasColors(wanted, stream, process.env) ? 3 : 0);
}
