import { sh } from '../util/shell.js';

/**
 * Locks on a host: below /run, so that none outlives a reboot. `lock` is held (flock(1)) by a process that lives as long
 * as it is fed over its connection, `steps` by each script that makes steps, `owner` says who had the lock last.
 */
const DIRECTORY = '/run/coreup';
/** Seconds without a sign of life after which a lock ends. More than the client's own patience with a silent host. */
export const SILENCE = 30;
/** Seconds to wait for the running step of a run that has ended: it may start or stop a unit. */
const STEP_PATIENCE = 90;
/** Ends each message of `holdScript`, whose word and text are parted by the other. */
const END = '\x1e';
const PART = '\x1f';

/** Prints what changes with every lock that is taken, and with every boot. It appears in the observation of a host. */
export const GENERATION = `read -r v </proc/sys/kernel/random/boot_id; echo "$v"; [ ! -f ${DIRECTORY}/owner ] || cat ${DIRECTORY}/owner`;

/**
 * Takes the lock of a host and holds it while bytes come on stdin. Says `taken` or `waited` with the generation that it
 * found, `held` or `busy` with the owner that is in the way; `waiting` while a step of an earlier run has not ended.
 *
 * @param owner what to leave as owner; it must not be the same twice
 * @param wait seconds to wait for another holder
 */
export function holdScript(owner: string, id: string, wait: number): string {
  return `LC_ALL=C; export LC_ALL; umask 077
say() { printf '%s\\037%s\\036' "$1" "$2"; }
mkdir -p ${DIRECTORY} && cd ${DIRECTORY} && exec 8>>steps 9>>lock || exit
${sh`flock -w ${wait} 9`} || { say held "$(cat owner)"; exit 0; }
was=$(${GENERATION})
${sh`printf %s ${owner}`} >owner.new && mv -f owner.new owner || exit
how=taken
flock -n 8 || { how=waited; say waiting; flock -w ${STEP_PATIENCE} 8 || { say busy "$was"; exit 0; }; }
exec 8>&-
say "$how" "$was"
while b=$(exec 9>&-; timeout ${SILENCE} head -c 1) && [ -n "$b" ]; do :; done
${sh`rm -f ${stopFile(id)}`}
`;
}

/** What a host says to `holdScript`. */
export interface LockMessage {
  readonly word: string;
  readonly text: string;
}

/** @param heard all that was printed so far. @returns the messages that are whole */
export function lockMessages(heard: string): readonly LockMessage[] {
  return heard
    .split(END)
    .slice(0, -1)
    .map((message) => {
      const [word = '', text = ''] = message.split(PART);
      return { word, text };
    });
}

/** Exit code of a script of steps that must not run: its run has lost the lock. */
export const FENCED = 76;

/**
 * Goes before a script of steps: lets it run only while its run has the lock, and keeps the lock from others until it has
 * ended, even if the connection breaks off. (Who takes the lock writes `owner` first and then waits for `steps`; here it is
 * the other way round: so one of both sees the other.)
 */
export function fenceScript(id: string): string {
  return `{ cd ${DIRECTORY} && exec 8>>steps && flock -w 5 8; } 2>/dev/null || exit ${FENCED}
case $(cat owner) in *${sh`${id}`}*) ;; *) cat owner; exit ${FENCED} ;; esac
cd / && coreup_stop=${stopFile(id)}
`;
}

/** Ends the scripts of a run after the step that is running. */
export function stopScript(id: string): string {
  return `: >${stopFile(id)}`;
}

function stopFile(id: string): string {
  return `${DIRECTORY}/stop-${id}`;
}

/** Prints the owner if somebody holds the lock or a script of steps still runs, and nothing otherwise. */
export const ASK_SCRIPT = `cd ${DIRECTORY} 2>/dev/null || exit 0
exec 8>>steps 9>>lock && flock -n 9 && flock -n 8 || cat owner
exit 0
`;
