import { parseEtcdVersion } from '../etcd/version.js';
import { wantsEtcd } from '../plan/adapt.js';
import { chosenEtcd, type EtcdWish } from '../plan/adapt-etcd.js';
import { programRefusal } from '../plan/program.js';
import type { Connection } from '../ssh/port.js';
import { keepVersion } from '../state/program-versions.js';
import { InputError } from '../util/errors.js';
import { sh } from '../util/shell.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';

/**
 * Which etcd the programs of etcd.source are, is known to nobody but themselves: one of the hosts runs them for that, once
 * for each program, from its memory and without becoming root. Nothing of it stays there.
 */
export const identifyEtcd: Phase<UpRun> = {
  title: 'Asking the etcd of etcd.source for its version',
  skip: ({ hosts }) => !hosts.some(isUnknown),
  async run({ hosts, state, reporter, signal }) {
    // A host that cannot run it is refused later, before anything is changed.
    const able = hosts.filter((host) => isUnknown(host) && fits(host));
    const asked = able.find((host) => host.fresh === undefined);
    const programs = asked && programsOf(asked.etcd);
    if (!asked || !programs) {
      const guess = able[0]?.observation.etcd?.version;
      if (!guess) return;
      for (const host of hosts) host.learn(guess);
      reporter.info(`which etcd etcd.source has, a host will tell; what is shown is right for ${guess.text}`);
      return;
    }
    const { sha256, content } = programs.etcd;
    const said = await ask(asked, content, signal);
    const version = parseEtcdVersion(said);
    if (!version) throw noEtcd(asked.name, said);
    await keepVersion(state, sha256, version.text);
    for (const host of hosts) host.learn(version);
    reporter.info(`etcd.source has etcd ${version.text}`);
  },
};

function isUnknown({ desired, etcd, observation }: HostRun): boolean {
  if (etcd?.kind !== 'programs' || etcd.version !== undefined || !wantsEtcd(desired)) return false;
  return chosenEtcd(etcd, observation)?.origin === 'programs';
}

function fits({ etcd, observation }: HostRun): boolean {
  const programs = programsOf(etcd);
  return programs !== undefined && !programRefusal(programs, observation, { key: 'etcd.source', what: 'etcd' });
}

function programsOf(wish: EtcdWish | undefined) {
  return wish?.kind === 'programs' ? wish.programs : undefined;
}

/** Directories whose files may be run: /run and /tmp are often mounted `noexec`. */
const PLACES = ['/dev/shm', '/tmp', '/var/tmp'];

/** @returns what the program says of itself, or why it does not run */
async function ask({ connection }: HostRun, content: Uint8Array, signal: AbortSignal): Promise<string> {
  const text = `umask 077
for d in ${PLACES.join(' ')}; do
  t=$(mktemp -d "$d/.coreup.XXXXXXXX" 2>/dev/null) || continue
  trap 'rm -rf "$t"' EXIT HUP INT TERM
  printf '#!/bin/sh\\n' >"$t/test" && chmod 700 "$t/test" && "$t/test" 2>/dev/null && break
  rm -rf "$t"
done
${sh`head -c ${content.length} >"$t/etcd"`} && chmod 700 "$t/etcd" && "$t/etcd" --version 2>&1
`;
  const { stdout, stderr } = await run(connection, text, content, signal);
  return `${stdout.toString()}${stderr.toString()}`;
}

function run(connection: Connection, text: string, content: Uint8Array, signal: AbortSignal) {
  return connection.run({ text, input: [content] }, { signal, timeout: 120_000 });
}

function noEtcd(member: string, said: string): InputError {
  const words = said.trim().split('\n').slice(0, 3).join('; ');
  return new InputError(
    `the etcd of etcd.source does not say its version on ${member}: ${words || 'it says nothing'}`,
    {
      code: 'SOURCE_UNFIT',
      hint: 'It is no etcd, or one that does not run there. Name the directory or the archive of a release.',
    },
  );
}
