import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { unitGroup } from '../cloud-config/unit-paths.js';
import type { HostFile, HostUser } from '../cluster/host-state.js';
import { quote, sh } from '../util/shell.js';
import { ASIDE } from './foreign.js';
import { HALF_MADE_USER_PATH, MANIFEST_PATH, originalPath, printManifest } from './manifest.js';
import { maskPath } from './persist.js';
import type { Action, Step } from './step.js';

/** A shell script for several steps, with the bytes it reads from stdin. */
export interface StepScript {
  readonly text: string;
  readonly input: readonly Uint8Array[];
  /** What it reads after it was told to go on; empty where it is not to wait. */
  readonly rest: readonly Uint8Array[];
}

/** Lets a script go on that waits; without it, at the end of its input, the script ends before the step that waits. */
export const GO = Buffer.from('.');

/** How far a script came. */
export interface StepResult {
  /** Steps that were done, from the first on. */
  readonly done: number;
  /** The step after those, if it failed; absent if all were done or the output ends early. */
  readonly failure?: { readonly code: number; readonly output: string };
}

/**
 * `put MODE OWNER SIZE PATH` writes SIZE bytes of stdin beside PATH and renames them into place, with owner and mode
 * already set; the mode comes last, since a change of owner takes away setuid bits (chown(2)). A line with a dot follows the
 * bytes, and shows that they are whole; their first name is one that nobody can foresee, and is never opened where there is
 * something. What an earlier one left half-written in that directory, because the host lost its power, goes. `take SIZE`
 * reads text into $input. After a short read (the connection was cut) nothing has changed. `keep PATH COPY` puts aside what is at PATH, once;
 * `bring_back PATH COPY` puts it back, or removes PATH where nothing was put aside. `aside PATH` renames what is somebody
 * else's. `run N` runs step N and reports it; the first failure ends the script, and so does a file that $coreup_stop names.
 * `make_user NAME HOME USERADD…` begins with what an earlier one left half-made, because the host lost its power, and takes
 * away; useradd(8) writes six files and a home, one after the other. HOME is empty for the home that useradd chooses.
 * `install_idle UNIT PACKAGE…` lets apt install packages, whose unit is masked meanwhile: it would be started by their
 * installation. Processes are what costs time here: a file takes three.
 */
const PRELUDE = `LC_ALL=C; export LC_ALL; umask 022
short() { echo 'the input ends too early: was the connection cut?'; return 1; }
put() {
  d=\${4%/*}/ && { [ -d "$d" ] || mkdir -p -- "$d"; } && sweep "$d" || return
  t=$d.coreup.$coreup_name
  receive "$3" "$t" && give "$2" "$t" "$d" && chmod -- "$1" "$t" && mv -fT -- "$t" "$4" || { r=$?; rm -f -- "$t"; return "$r"; }
}
receive() {
  umask 077; set -C; head -c "$1" >"$2"; r=$?; set +C; umask 022
  [ "$r" = 0 ] || return "$r"
  read -r o && [ "$o" = . ] || short
}
sweep() { for o in "$1".coreup.????????; do [ ! -f "$o" ] || rm -f -- "$o"; done; }
give() { { [ "$1" = root:root ] && [ ! -g "$3" ]; } || chown -- "$1" "$2"; }
take() { input=$(head -c "$1" && echo .) && { [ "\${#input}" = "$(($1 + 1))" ] || short; } && input=\${input%.}; }
make_user() {
  m=${HALF_MADE_USER_PATH} n=$1 h=$2; shift 2
  [ ! -f "$m" ] || unmake_user "$(sed -n 1p "$m")" "$(sed -n 2p "$m")" "$(sed -n 3p "$m")" || return
  [ -n "$h" ] || h=$(useradd -D | sed -n 's/^HOME=//p')/$n
  [ ! -e "$h" ] || h=
  d=\${m%/*} && { [ -d "$d" ] || mkdir -p -- "$d"; } && printf '%s\\n' "$n" "$h" "$(getent group -- "$n")" >"$m" && sync -- "$m" || return
  r=0; "$@" || r=$?
  rm -f -- "$m"; return "$r"
}
unmake_user() {
  for o in passwd shadow group gshadow subuid subgid; do
    o=/etc/$o.lock; [ ! -f "$o" ] || case $(cat "/proc/$(tr -d '\\0' <"$o")/comm" 2>/dev/null) in
      user*|group*|*passwd|chage|chsh|chfn) ;;
      *) rm -f -- "$o" ;;
    esac
  done
  if getent passwd -- "$1" >/dev/null; then
    # The group of the name goes with the user who has it as his first.
    { [ -z "$3" ] || usermod --gid nogroup -- "$1"; } && userdel -- "$1" || return
  fi
  [ -n "$3" ] || ! getent group -- "$1" >/dev/null || groupdel -- "$1" || return
  [ -z "$2" ] || rm -rf -- "$2"
}
swap_keys() {
  take "$2" && add=$input && take "$3" && h=$(getent passwd -- "$1" | cut -d: -f6) && [ -n "$h" ] && g=$(id -g -- "$1") || return
  [ -d "$h/.ssh" ] || install -d -m 0700 -o "$1" -g "$g" -- "$h/.ssh" || return
  f=$h/.ssh/authorized_keys; sweep "$h/.ssh/" && t=$(mktemp -- "$h/.ssh/.coreup.XXXXXXXX") || return
  { if [ -f "$f" ]; then without "$input" "$f"; fi && printf %s "$add"; } >"$t" &&
    chown -- "$1:$g" "$t" && chmod 0600 -- "$t" && mv -fT -- "$t" "$f" || { r=$?; rm -f -- "$t"; return "$r"; }
}
without() {
  [ -n "$1" ] || { cat -- "$2" && { [ -z "$(tail -c 1 -- "$2")" ] || echo; }; return; }
  printf %s "$1" | grep -vxF -f - -- "$2" || [ $? = 1 ]
}
keep() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ ! -e "$2" ] && [ ! -L "$2" ] || return 0
  d=$(dirname -- "$2") && { [ -d "$d" ] || install -d -m 0700 -- "$d"; } && sweep "$d/" && t=$(mktemp -- "$d/.coreup.XXXXXXXX") || return
  cp -a --remove-destination -- "$1" "$t" && mv -fT -- "$t" "$2" || { r=$?; rm -f -- "$t"; return "$r"; }
}
bring_back() {
  [ -e "$2" ] || [ -L "$2" ] || { rm -f -- "$1"; return; }
  d=$(dirname -- "$1") && sweep "$d/" && t=$(mktemp -- "$d/.coreup.XXXXXXXX") || return
  cp -a --remove-destination -- "$2" "$t" && mv -fT -- "$t" "$1" && rm -f -- "$2" || { r=$?; rm -f -- "$t"; return "$r"; }
}
aside() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  t=$1${ASIDE} n=1
  while [ -e "$t" ] || [ -L "$t" ]; do n=$((n + 1)); t=$1${ASIDE}.$n; done
  mv -nT -- "$1" "$t"
}
changed() { echo "$1 has changed since it was looked at; run it again"; return 1; }
disable_unit() {
  o=$(systemctl --no-reload disable -- "$1" 2>&1) || case $o in
    *'does not exist'*) ;; # Nor can it be enabled then.
    *) echo "$o"; return 1 ;;
  esac
}
apt_get() { DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -yq -o DPkg::Lock::Timeout=120 "$@" 2>&1 </dev/null; }
install_idle() {
  u=$1 w=$(systemctl is-enabled -- "$1" 2>/dev/null); shift
  systemctl mask -- "$u" || return
  i="apt_get install --no-install-recommends --no-remove"
  o=$($i -- "$@") || { n=$(apt_get update); o=$($i -- "$@"); }; r=$?
  [ "$w" = masked ] || systemctl unmask -- "$u" || return
  [ "$r" = 0 ] || { printf '%s\n' "$n" "$o" | grep '^E: ' || printf '%s\n' "$o" | tail -n 5; return "$r"; }
}
brings() {
  v=$("$1" --version 2>&1) || { echo "$v"; return 1; }
  case $v in *"ersion: $2."*) ;; *) echo "it brought another version than was expected, $2: $v; run it again"; return 1 ;; esac
}
go_on() { [ -n "$(head -c ${GO.length})" ] || exit 0; }
run() {
  [ -z "$coreup_stop" ] || [ ! -e "$coreup_stop" ] || exit 0
  o=$("step_$1" 2>&1); r=$?
  printf '%s\\036%s %s\\n' "$o" "$1" "$r"
  [ "$r" = 0 ] || exit 0
}
`;

/**
 * @param waiting a step that is made only once `GO` has come
 * @returns one script that runs the steps in order and reports each, to be run as root
 */
export function stepScript(steps: readonly Step[], waiting?: Step): StepScript {
  const [input, rest]: [Uint8Array[], Uint8Array[]] = [[], []];
  const from = waiting === undefined ? steps.length : steps.indexOf(waiting);
  const body = steps.map((step, number) => {
    const { command, bytes = [] } = compile(step.action);
    (number < from ? input : rest).push(...bytes);
    return `step_${number}() {\n${command}\n}\n${number === from ? 'go_on\n' : ''}run ${number}\n`;
  });
  const name = randomBytes(6).toString('base64url');
  return { text: [`coreup_name=${name}\n`, PRELUDE, ...body].join(''), input, rest };
}

/** Reads what `stepScript` printed; it may be cut off at any place. */
export function parseStepOutput(output: string): StepResult {
  const reports = [...output.matchAll(/([^\x1e]*)\x1e(\d+) (\d+)\n/g)];
  const failed = reports.find(([, , , code]) => code !== '0');
  if (!failed) return { done: reports.length };
  const [, text = '', number, code] = failed;
  return { done: Number(number), failure: { code: Number(code), output: text.trim() } };
}

/** What follows the bytes of a file. */
const WHOLE = Buffer.from('.\n');

interface Compiled {
  readonly command: string;
  /** Read from stdin by the command, exactly. */
  readonly bytes?: readonly Uint8Array[];
}

function compile(action: Action): Compiled {
  switch (action.kind) {
    case 'hostname': {
      const content = Buffer.from(`${action.name}\n`);
      const { command, ...rest } = put({ path: '/etc/hostname', mode: 0o644, owner: null, content });
      return { command: command + sh` && hostname -- ${action.name}`, ...rest };
    }
    case 'package-install': {
      const { unit, names, program, version } = action;
      return { command: sh`install_idle ${unit} ${names} && brings ${program} ${version}` };
    }
    case 'user-create':
      return { command: createUser(action.user) };
    case 'user-password': {
      const bytes = Buffer.from(`${action.name}:${action.hash}\n`);
      return { command: sh`take ${bytes.length} && printf %s "$input" | chpasswd -e`, bytes: [bytes] };
    }
    case 'authorized-keys': {
      const [add, remove] = [action.add, action.remove].map((keys) => Buffer.from(keys.map((k) => `${k}\n`).join('')));
      if (!add || !remove) return { command: ':' };
      const command = sh`swap_keys ${action.user} ${add.length} ${remove.length}`;
      return { command, bytes: [add, remove] };
    }
    case 'directory': {
      const { path, mode, owner } = action.directory;
      return {
        command: sh`mkdir -p -- ${path} && chown -- ${owner ?? 'root:root'} ${path} && chmod -- ${octal(mode)} ${path}`,
      };
    }
    case 'file-write': {
      const { path } = action.file;
      return put(action.file, action.keep ? sh`keep ${path} ${originalPath(path)} && ` : '');
    }
    case 'file-edit':
      return put(action.file, whilePresent(action.file.path, action.present));
    case 'file-remove':
      return { command: removeOwn(action.path, action.sha256, action.restore === true) };
    case 'directory-remove':
      return { command: sh`[ ! -d ${action.path} ] || rmdir --ignore-fail-on-non-empty -- ${action.path}` };
    case 'unit-mask': {
      const path = maskPath(action.unit);
      return {
        command: sh`mkdir -p -- ${posix.dirname(path)} && { [ -L ${path} ] || aside ${path}; } && rm -f -- ${path} && ln -sT /dev/null ${path}`,
      };
    }
    case 'unit-unmask':
      return { command: unmask(action.unit, action.runtime === true) };
    case 'unit-reenable':
      return { command: sh`systemctl --no-reload reenable -- ${action.unit}` };
    case 'unit-retire':
      return {
        command: sh`systemctl stop -- ${action.unit} && { systemctl reset-failed -- ${action.unit} 2>/dev/null || :; }`,
      };
    case 'unit-enable':
      return { command: sh`systemctl --no-reload enable -- ${action.unit}` };
    case 'unit-disable':
      return { command: sh`disable_unit ${action.unit}` };
    case 'put-aside':
      return { command: sh`aside ${action.path}` };
    case 'daemon-reload':
      return { command: 'systemctl daemon-reload' };
    case 'unit-command':
      return { command: unitCommand(action) };
    case 'record': {
      const content = Buffer.from(printManifest(action.manifest));
      return put({ path: MANIFEST_PATH, mode: 0o600, owner: null, content });
    }
  }
}

/** A unit that is waited for and had failed before must not keep its start-limit counter. */
function unitCommand(action: { unit: string; verb: string; wait: boolean }): string {
  const flags = action.wait ? [] : ['--no-block'];
  const reset = sh`systemctl reset-failed -- ${action.unit} 2>/dev/null; `;
  return (
    (action.wait && (action.verb === 'start' || action.verb === 'restart') ? reset : '') +
    sh`systemctl ${[action.verb, ...flags]} -- ${action.unit}`
  );
}

/** @param first a command that must succeed before the file is written */
function put(
  { path, mode, owner, content }: Pick<HostFile, 'path' | 'mode' | 'owner' | 'content'>,
  first = '',
): Compiled {
  const command = sh`put ${octal(mode)} ${owner ?? 'root:root'} ${content.length} ${path}`;
  return { command: first + command, bytes: [content, WHOLE] };
}

/** Goes on only if the file still has the digest, or still is not there. */
function whilePresent(path: string, present: string | null): string {
  if (present === null) return sh`{ [ ! -e ${path} ] || changed ${path}; } && `;
  return sh`[ "$(sha256sum <${path})" = ${`${present}  -`} ] || { changed ${path}; return; }\n`;
}

/** networkd's files are masked like units, but systemctl does not know them. */
function unmask(unit: string, runtime: boolean): string {
  const path = maskPath(unit);
  if (unitGroup(unit) === 'network') return sh`[ ! -L ${path} ] || rm -f -- ${path}`;
  return sh`systemctl --no-reload ${runtime ? ['--runtime'] : []} unmask -- ${unit}`.replace('  ', ' ');
}

/** Takes a file away only while it is what coreup wrote, and the directory of a drop-in with the last one in it. */
function removeOwn(path: string, sums: readonly string[], restore: boolean): string {
  const own = sums.map((sum) => quote(`${sum}  -`)).join('|');
  const away = restore ? sh`bring_back ${path} ${originalPath(path)}` : sh`rm -f -- ${path}`;
  const remove = sh`[ -L ${path} ] || [ ! -f ${path} ] || case $(sha256sum <${path}) in ` + `${own}) ${away} ;; esac`;
  const dropIns = /^(.+\/systemd\/system\/[^/]+\.d)\/[^/]+$/.exec(path)?.[1];
  if (dropIns === undefined) return remove;
  return `{ ${remove}; } && ` + sh`{ [ ! -d ${dropIns} ] || rmdir --ignore-fail-on-non-empty -- ${dropIns}; }`;
}

/**
 * The flags that coreos-cloudinit gives to useradd(8) for each field of `users[]`; a password is a step of its own, so
 * that it shows in no process list. `*` lets nobody in by password, and unlike useradd's own `!` does not lock the
 * account for keys either. (coreos-cloudinit puts quotes around gecos, which then are part of it; coreup does not.)
 */
function createUser(user: HostUser): string {
  const words = ['make_user', user.name, user.homeDir ?? '', 'useradd', '--password', '*'];
  const option = (flag: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') words.push(flag, value);
  };
  option('--comment', user.gecos);
  option('--home-dir', user.homeDir);
  words.push(user.noCreateHome ? '--no-create-home' : '--create-home');
  option('--gid', user.primaryGroup);
  option('--groups', user.groups.length > 0 ? user.groups.join(',') : undefined);
  if (user.noUserGroup) words.push('--no-user-group');
  if (user.system) words.push('--system');
  if (user.noLogInit) words.push('--no-log-init');
  option('--shell', user.shell);
  words.push('--', user.name);
  return words.map(quote).join(' ');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
