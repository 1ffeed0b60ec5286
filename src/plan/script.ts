import type { HostUser } from '../cluster/host-state.js';
import { quote, sh } from '../util/shell.js';
import { MANIFEST_PATH, printManifest } from './manifest.js';
import type { Action, Step } from './step.js';

/** A shell script for several steps, with the bytes it reads from stdin. */
export interface StepScript {
  readonly text: string;
  readonly input: readonly Uint8Array[];
}

/** How far a script came. */
export interface StepResult {
  /** Steps that were done, from the first on. */
  readonly done: number;
  /** The step after those, if it failed; absent if all were done or the output ends early. */
  readonly failure?: { readonly code: number; readonly output: string };
}

/**
 * `put MODE OWNER SIZE PATH` writes SIZE bytes of stdin beside PATH and renames them into place, with owner and mode
 * already set; the mode comes last, since a change of owner takes away setuid bits (chown(2)). `take SIZE` reads text
 * into $input. After a short read (the connection was cut) nothing has changed. `run N` runs step N and reports it; the
 * first failure ends the script.
 */
const PRELUDE = `LC_ALL=C; export LC_ALL; umask 022
short() { echo 'the input ends too early: was the connection cut?'; return 1; }
put() {
  d=$(dirname -- "$4") && mkdir -p -- "$d" && t=$(mktemp -- "$d/.coreup.XXXXXXXX") || return
  head -c "$3" >"$t" && { [ "$(stat -c %s -- "$t")" = "$3" ] || short; } && chown -- "$2" "$t" && chmod -- "$1" "$t" &&
    mv -fT -- "$t" "$4" || { r=$?; rm -f -- "$t"; return "$r"; }
}
take() { input=$(head -c "$1" && echo .) && { [ "\${#input}" = "$(($1 + 1))" ] || short; } && input=\${input%.}; }
add_keys() {
  take "$2" && h=$(getent passwd -- "$1" | cut -d: -f6) && [ -n "$h" ] && g=$(id -g -- "$1") || return
  [ -d "$h/.ssh" ] || install -d -m 0700 -o "$1" -g "$g" -- "$h/.ssh" || return
  f=$h/.ssh/authorized_keys; t=$(mktemp -- "$h/.ssh/.coreup.XXXXXXXX") || return
  { if [ -f "$f" ]; then cat -- "$f" && { [ -z "$(tail -c 1 -- "$f")" ] || echo; }; fi && printf %s "$input"; } >"$t" &&
    chown -- "$1:$g" "$t" && chmod 0600 -- "$t" && mv -fT -- "$t" "$f" || { r=$?; rm -f -- "$t"; return "$r"; }
}
disable_unit() {
  o=$(systemctl --no-reload disable -- "$1" 2>&1) || case $o in
    *'does not exist'*) ;; # Nor can it be enabled then.
    *) echo "$o"; return 1 ;;
  esac
}
run() {
  o=$("step_$1" 2>&1); r=$?
  printf '%s\\036%s %s\\n' "$o" "$1" "$r"
  [ "$r" = 0 ] || exit 0
}
`;

/**
 * @returns one script that runs the steps in order and reports each, to be run as root
 */
export function stepScript(steps: readonly Step[]): StepScript {
  const input: Uint8Array[] = [];
  const body = steps.map((step, number) => {
    const { command, bytes } = compile(step.action);
    if (bytes) input.push(bytes);
    return `step_${number}() {\n${command}\n}\nrun ${number}\n`;
  });
  return { text: PRELUDE + body.join(''), input };
}

/** Reads what `stepScript` printed; it may be cut off at any place. */
export function parseStepOutput(output: string): StepResult {
  const reports = [...output.matchAll(/([^\x1e]*)\x1e(\d+) (\d+)\n/g)];
  const failed = reports.find(([, , , code]) => code !== '0');
  if (!failed) return { done: reports.length };
  const [, text = '', number, code] = failed;
  return { done: Number(number), failure: { code: Number(code), output: text.trim() } };
}

interface Compiled {
  readonly command: string;
  /** Read from stdin by the command, exactly. */
  readonly bytes?: Uint8Array;
}

function compile(action: Action): Compiled {
  switch (action.kind) {
    case 'hostname': {
      const bytes = Buffer.from(`${action.name}\n`);
      return { command: sh`put 0644 root:root ${bytes.length} /etc/hostname && hostname -- ${action.name}`, bytes };
    }
    case 'user-create':
      return { command: createUser(action.user) };
    case 'user-password': {
      const bytes = Buffer.from(`${action.name}:${action.hash}\n`);
      return { command: sh`take ${bytes.length} && printf %s "$input" | chpasswd -e`, bytes };
    }
    case 'authorized-keys': {
      const bytes = Buffer.from(action.add.map((key) => `${key}\n`).join(''));
      return { command: sh`add_keys ${action.user} ${bytes.length}`, bytes };
    }
    case 'directory': {
      const { path, mode, owner } = action.directory;
      return {
        command: sh`mkdir -p -- ${path} && chown -- ${owner ?? 'root:root'} ${path} && chmod -- ${octal(mode)} ${path}`,
      };
    }
    case 'file-write': {
      const { path, mode, owner, content } = action.file;
      return { command: sh`put ${octal(mode)} ${owner ?? 'root:root'} ${content.length} ${path}`, bytes: content };
    }
    case 'file-remove':
      return { command: removeOwn(action.path, action.sha256) };
    case 'unit-mask':
      return {
        command: sh`rm -f -- /etc/systemd/system/${action.unit} && ln -s /dev/null /etc/systemd/system/${action.unit}`,
      };
    case 'unit-unmask':
      return { command: sh`systemctl --no-reload unmask -- ${action.unit}` };
    case 'unit-enable':
      return { command: sh`systemctl --no-reload enable -- ${action.unit}` };
    case 'unit-disable':
      return { command: sh`disable_unit ${action.unit}` };
    case 'daemon-reload':
      return { command: 'systemctl daemon-reload' };
    case 'unit-command':
      return { command: unitCommand(action) };
    case 'record': {
      const bytes = Buffer.from(printManifest(action.manifest));
      return { command: sh`put 0600 root:root ${bytes.length} ${MANIFEST_PATH}`, bytes };
    }
  }
}

/** A unit that had failed before must not keep its start-limit counter. */
function unitCommand(action: { unit: string; verb: string; wait: boolean }): string {
  const flags = action.wait ? [] : ['--no-block'];
  const reset = sh`systemctl reset-failed -- ${action.unit} 2>/dev/null; `;
  return (
    (action.verb === 'start' || action.verb === 'restart' ? reset : '') +
    sh`systemctl ${[action.verb, ...flags]} -- ${action.unit}`
  );
}

/** Takes a file away only while it is what coreup wrote, and the directory of a drop-in with the last one in it. */
function removeOwn(path: string, sums: readonly string[]): string {
  const own = sums.map((sum) => quote(`${sum}  -`)).join('|');
  const remove = sh`[ ! -f ${path} ] || case $(sha256sum <${path}) in ` + `${own}) ${sh`rm -f -- ${path}`} ;; esac`;
  const dropIns = /^(.+\/systemd\/system\/[^/]+\.d)\/[^/]+$/.exec(path)?.[1];
  if (dropIns === undefined) return remove;
  return `{ ${remove}; } && ` + sh`{ [ ! -d ${dropIns} ] || rmdir --ignore-fail-on-non-empty -- ${dropIns}; }`;
}

/** The flags that coreos-cloudinit gives to useradd(8) for each field of `users[]`; the password is a step of its own. */
function createUser(user: HostUser): string {
  const words = ['useradd'];
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
