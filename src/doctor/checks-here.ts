import { error, CLUSTER, HERE, warning, type Finding } from './finding.js';
import { quote } from '../util/shell.js';
import type { HereFacts } from './look-here.js';

type HereCheck = (facts: HereFacts) => readonly Finding[];

/** What is wrong with this machine and the project. Pure. */
export function checkHere(facts: HereFacts): readonly Finding[] {
  return CHECKS.flatMap((check) => check(facts));
}

const nodeVersion: HereCheck = ({ node: { running, least } }) =>
  isOlder(running, least)
    ? [error('node', HERE, `runs Node.js ${running}; coreup needs ${least} or later`, 'Install a newer Node.js.')]
    : [];

function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = least.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

const sshClient: HereCheck = ({ hasSshClient, usesSshConfig }) =>
  hasSshClient || !usesSshConfig
    ? []
    : [
        warning(
          'ssh-client',
          HERE,
          'has no ssh client, so that ~/.ssh/config is not read',
          'Install openssh-client, or give all in config.ts.',
        ),
      ];

const provider: HereCheck = ({ problems }) =>
  problems.map(({ message, remedy }) => error('provider', HERE, message, remedy));

const projectWritable: HereCheck = ({ writable, directory }) =>
  writable
    ? []
    : [
        error(
          'project',
          HERE,
          `does not let this user write into ${directory}`,
          `Make it writable, or run coreup as the user who owns it.`,
        ),
      ];

const permissions: HereCheck = ({ exposed }) =>
  exposed.map(({ path, mode, key }) => {
    const what = `lets others read ${path} (mode ${mode.toString(8)})`;
    const advice = `Run: chmod go= ${quote(path)}.${key ? ' Whoever could read it may have the key: replace it.' : ''}`;
    return (key ? error : warning)('permissions', HERE, what, advice);
  });

const state: HereCheck = ({ state: remembered }) =>
  'unreadable' in remembered ? [error('state', HERE, remembered.unreadable, remembered.hint)] : [];

const unfinished: HereCheck = ({ state: remembered, lock }) =>
  'unreadable' in remembered || remembered.bootstrap?.phase !== 'started' || lock !== undefined
    ? []
    : [
        warning(
          'unfinished',
          CLUSTER,
          `was being founded (${remembered.bootstrap.members.join(', ')}), and no \`coreup up\` has seen it whole`,
          'Run it again, it goes on where it was: coreup up',
        ),
      ];

const lock: HereCheck = ({ lock: found }) => {
  if (found === undefined) return [];
  if ('unreadable' in found) {
    return [error('lock', HERE, found.unreadable, 'Make .coreup readable for this user.')];
  }
  const { command, pid, host, since } = found.owner;
  const who = `\`coreup ${command}\` (process ${pid} on ${host}, since ${since})`;
  return found.gone
    ? [
        warning(
          'lock',
          HERE,
          `has a lock that ${who} has left, which has ended`,
          'Remove it: coreup unlock. The next command that changes something does so, too.',
        ),
      ]
    : [
        warning(
          'lock',
          HERE,
          `is locked by ${who}: what was found may change while that runs`,
          'Wait until it has ended. If it runs no more, remove the lock: coreup unlock',
        ),
      ];
};

const CHECKS: readonly HereCheck[] = [
  nodeVersion,
  sshClient,
  provider,
  projectWritable,
  permissions,
  state,
  lock,
  unfinished,
];
