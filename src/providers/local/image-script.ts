import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { quote } from '../../util/shell.js';
import type { Recipe } from './recipe.js';

/** Where debootstrap takes packages from, and how it knows that they are genuine. */
export interface Archive {
  readonly uri: string;
  /** A binary keyring file; without one, debootstrap's own for Debian. */
  readonly keyring?: string;
  /** The machine's owner takes this archive without a signature. */
  readonly trusted: boolean;
}

export interface ImagePaths {
  /** Where the finished image appears, by one rename. */
  readonly image: string;
  /** Where it is built; anything found there was left by a build that was interrupted. */
  readonly building: string;
}

/**
 * The shell script that builds an image, to be run by root in a mount and PID namespace of its own, under the lock of
 * the image directory: what it mounts and starts ends with it, however it ends.
 */
export function imageScript(recipe: Recipe, archive: Archive, paths: ImagePaths): string {
  const written = Object.entries(recipe.files).map(([path, file]) =>
    [
      `install -d -m 0755 ${quote(`.${path.slice(0, path.lastIndexOf('/'))}`)}`,
      `printf %s ${quote(file.content)} > ${quote(`.${path}`)}`,
      `chmod ${file.mode} ${quote(`.${path}`)}`,
    ].join('\n'),
  );
  const trust = [
    ...(archive.trusted ? ['--no-check-gpg'] : ['--force-check-gpg']),
    ...(archive.keyring === undefined ? [] : [`--keyring=${archive.keyring}`]),
  ];
  return `set -eu
umask 022
# Somebody else built it while this one waited for the lock.
[ -d ${quote(paths.image)} ] && exit 0
# Under the lock, whatever is half built was left by a build that ended badly.
rm -rf ${quote(dirname(paths.building))}/.building-*
mkdir -p ${quote(paths.building)}
# debootstrap knows only the environment's proxy, not apt's.
if [ -z "\${http_proxy:-}" ]; then
  eval "$(apt-config shell http_proxy Acquire::http::Proxy 2>/dev/null || :)"
  case \${http_proxy:-DIRECT} in DIRECT) unset http_proxy ;; *) export http_proxy ;; esac
fi
debootstrap --variant=minbase --merged-usr ${trust.map(quote).join(' ')} --include=${recipe.packages.join(',')} \\
  ${recipe.suite} ${quote(paths.building)} ${quote(archive.uri)}
cd ${quote(paths.building)}
echo '+ preparing'
${recipe.finish.trim()}
${written.join('\n')}
in_image systemctl --quiet disable ${recipe.disable.join(' ')}
in_image systemctl --quiet enable ${recipe.enable.join(' ')}
in_image systemctl --quiet mask ${recipe.mask.join(' ')}
in_image apt-get clean
umount proc sys 2>/dev/null || :
rm -rf ${recipe.prune.join(' ')}
# All of /etc and /var is as /usr wants it: the first boot need not bring them up to date.
touch etc/.updated var/.updated
echo '+ storing'
# A machine that loses power must not find an image whose name is there and whose files are not.
sync -f .
mv -T ${quote(paths.building)} ${quote(paths.image)}
`;
}

/** Twelve hex digits that name what a recipe makes; any change of it, or of how it is carried out, gives another name. */
export function recipeHash(recipe: Recipe): string {
  const script = imageScript(recipe, { uri: '', trusted: false }, { image: '', building: '' });
  return createHash('sha256').update(`${recipe.architecture}\n${script}`).digest('hex').slice(0, 12);
}
