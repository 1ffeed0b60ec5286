import type { Member } from '../cluster/types.js';
import { FleetClient, FLEET_SOCKET } from '../fleet/client.js';
import { flagValue, fleetctlWords, readFleetctl, unitNameOf, type FleetctlCall } from '../fleet/fleetctl-args.js';
import type { Connection, Streams } from '../ssh/port.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { quote, sh } from '../util/shell.js';
import { commandLine } from './exec.js';
import { filesToTake, type TakenFile } from './fleetctl-files.js';
import { machineIds } from './fleet-status.js';
import { withHosts } from './hosts.js';
import type { Project } from './project.js';

/** As ssh(1): 255 where there is no exit code to pass on. */
const SIGNALLED = 255;

/** A host that coreup has reached. */
interface Reached {
  readonly member: Member;
  readonly connection: Connection;
  readonly client: FleetClient;
}

/**
 * Runs the real fleetctl on a host whose fleetd answers. Unit files of this machine are taken along; `status`, `journal`
 * and `ssh`, for which fleetctl would log in from host to host, go to the right host by coreup's own connections.
 *
 * @param args as typed after `--`
 * @param directory where relative paths of unit files start
 * @returns fleetctl's exit code
 */
export async function fleetctl(project: Project, args: readonly string[], directory: string): Promise<number> {
  const call = readFleetctl(args);
  const files = filesToTake(call.command, call.names, directory);
  return withHosts(project, async ({ connect }) => {
    const reached = await Promise.allSettled(
      project.cluster.members.map(async (member): Promise<Reached> => {
        const connection = await connect(member);
        return { member, connection, client: new FleetClient(() => connection.forwardSocket(FLEET_SOCKET), 5000) };
      }),
    );
    const hosts = reached.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const asked = await answering(project, hosts, reached);
    if (call.command === 'ssh') return openShell(call, asked, hosts);
    if (call.command === 'status' && call.names.length > 0) return onEach(call, asked, hosts);
    const at = call.command === 'journal' ? await hostOfUnit(call.names[0] ?? '', asked, hosts) : undefined;
    const names = files.length === 0 ? call.names : call.names.map(unitNameOf);
    return runFleetctl(at ?? asked, { ...call, names }, files);
  });
}

/** The first host whose fleetd answers. */
async function answering(
  project: Project,
  hosts: readonly Reached[],
  reached: readonly PromiseSettledResult<unknown>[],
): Promise<Reached> {
  const answers = hosts.map(async (host) => {
    await host.client.machines();
    return host;
  });
  try {
    return await Promise.any(answers);
  } catch (error) {
    const failures = new Map(
      (error as AggregateError).errors.map((reason, index) => [hosts[index]?.member.name, reason]),
    );
    const why = project.cluster.members.map(({ name }, index) => {
      const result = reached[index];
      const reason = messageOf(result?.status === 'rejected' ? result.reason : failures.get(name));
      return reason.startsWith(name) ? reason : `${name}: ${reason}`;
    });
    throw new CoreupError(`no fleetd answers: ${why.join('; ')}`, {
      code: 'NO_FLEET_ANSWERS',
      hint:
        'Run `coreup up` to bring the cluster up; fleet.source in config.ts brings fleet to hosts that have none. ' +
        "Only root and the user who logged in for `up` may open fleet's socket.",
    });
  }
}

/** What fleetctl runs on the machine itself for these shows the journal, which is root's; for all else its socket is enough. */
const FOR_ROOT = new Set(['status', 'journal']);

async function runFleetctl(
  { connection }: Reached,
  call: FleetctlCall,
  files: readonly TakenFile[] = [],
): Promise<number> {
  const command = ['fleetctl', ...fleetctlWords(call)].map(quote).join(' ');
  if (files.length === 0) return attach(connection, command, FOR_ROOT.has(call.command));
  const directory = await upload(connection, files);
  // The directory goes with the shell, also when the connection is cut.
  return attach(
    connection,
    sh`trap ${sh`rm -rf -- ${directory}`} EXIT; trap ${'exit 129'} HUP; cd ${directory} && ` + command,
  );
}

async function attach(connection: Connection, command: string | undefined, sudo = false): Promise<number> {
  const streams: Streams = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    terminal: process.stdin.isTTY && process.stdout.isTTY,
    sudo,
  };
  return (await connection.attach(command, streams)).code ?? SIGNALLED;
}

/** @returns the directory on the host */
async function upload(connection: Connection, files: readonly TakenFile[]): Promise<string> {
  const lines = files.map(({ name, content }) => sh`head -c ${content.length} >"$d"/${name} &&`);
  const text = `umask 077; d=$(mktemp -d) && ${lines.join(' ')} echo "$d"`;
  const result = await connection.run({ text, input: files.map(({ content }) => content) }, { timeout: 60_000 });
  const directory = result.stdout.toString().trim();
  if (result.code === 0 && directory !== '') return directory;
  throw new CoreupError(
    `the unit files could not be put on ${connection.target.name}: ${result.stderr.toString().trim()}`,
    {
      code: 'FLEETCTL_UPLOAD',
      hint: 'Look whether /tmp on that host is full.',
      member: connection.target.name,
    },
  );
}

/** `status` on the host of each unit, in order, an empty line between; ends with the first that fails, like fleetctl. */
async function onEach(call: FleetctlCall, asked: Reached, hosts: readonly Reached[]): Promise<number> {
  for (const [index, name] of call.names.entries()) {
    const host = (await hostOfUnit(name, asked, hosts)) ?? asked;
    if (index > 0) process.stdout.write('\n');
    const code = await runFleetctl(host, { ...call, names: [unitNameOf(name)], rest: [] });
    if (code !== 0) return code;
  }
  return 0;
}

/** Where a unit is, if that is one of this cluster's hosts; fleetctl itself says what is wrong with any other. */
async function hostOfUnit(word: string, asked: Reached, hosts: readonly Reached[]): Promise<Reached | undefined> {
  const unit = await asked.client.unit(unitNameOf(word));
  return unit === undefined || unit.machineId === '' ? undefined : hostOfMachine(unit.machineId, hosts);
}

async function hostOfMachine(id: string, hosts: readonly Reached[]): Promise<Reached | undefined> {
  const names = await machineIds(hosts.map(({ member, connection }) => ({ name: member.name, connection })));
  return hosts.find(({ member }) => member.name === names.get(id));
}

/** `ssh` with coreup's own login: the first word is a unit, or the start of a machine's ID. */
async function openShell(call: FleetctlCall, asked: Reached, hosts: readonly Reached[]): Promise<number> {
  const { names, flags, rest } = call;
  const unit = flagValue(flags, 'unit');
  const machine = flagValue(flags, 'machine');
  const given = machine ?? unit;
  const word = given ?? names[0];
  if (word === undefined) return runFleetctl(asked, { ...call, flags: [] });
  const byMachine = unit === undefined ? await machineByPrefix(word, asked) : undefined;
  const host =
    byMachine === undefined
      ? machine === undefined
        ? await hostOfUnit(word, asked, hosts)
        : undefined
      : await hostOfMachine(byMachine, hosts);
  if (host) {
    const command = given === undefined ? rest : [...names, ...rest];
    return attach(host.connection, command.length === 0 ? undefined : commandLine(command));
  }
  throw new CoreupError(`there is no machine and no running unit ${word} on a host of this cluster that answers`, {
    code: 'FLEETCTL_SSH',
    hint: '`coreup fleetctl -- list-machines` and `list-units` show them; global units run on several machines.',
  });
}

async function machineByPrefix(prefix: string, { client }: Reached): Promise<string | undefined> {
  const found = (await client.machines()).filter(({ id }) => id.startsWith(prefix));
  if (found.length > 1) {
    throw new CoreupError(`${found.length} machines have IDs that begin with ${prefix}`, {
      code: 'FLEETCTL_SSH',
      hint: 'Write more of the ID.',
    });
  }
  return found[0]?.id;
}
