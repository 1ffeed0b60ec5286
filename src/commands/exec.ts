import { Flags } from '../cli/oclif.js';
import type { ExecResult } from '../actions/exec.js';
import { BaseCommand } from '../cli/base-command.js';
import { InputError } from '../util/errors.js';

export default class Exec extends BaseCommand {
  static override summary = 'Run a command on all members, or on some, at once.';
  static override description =
    'Each line of output is preceded by the name of its member. Exit code 1 if the command failed anywhere.';
  static override examples = [
    '<%= config.bin %> exec -- uptime',
    '<%= config.bin %> exec --on core-01 --on core-03 -- sudo systemctl restart etcd2',
  ];
  static override strict = false;
  static override usage = 'exec [--on NAME]… -- CMD…';
  static override flags = {
    on: Flags.string({
      summary: 'Only on this member; may be given several times.',
      helpValue: 'NAME',
      multiple: true,
    }),
  };

  async run(): Promise<{ members: readonly ExecResult[] }> {
    const { argv, flags } = await this.parse(Exec);
    this.common = flags;
    if (argv.length === 0) {
      throw new InputError('there is no command to run', {
        code: 'USAGE',
        hint: 'Write it after --: `coreup exec -- uptime`.',
      });
    }
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { commandLine, execOnMembers } = await import('../actions/exec.js');
    const members = selectMembers(project, flags.on ?? []);
    const json = this.jsonEnabled();
    const results = await execOnMembers(project, members, commandLine(argv as string[]), (member, line, stream) => {
      if (!json) process[stream].write(`${member}: ${line}\n`);
    });
    for (const { name, code, stderr } of results.filter((result) => result.code !== 0)) {
      process.exitCode = 1;
      this.logToStderr(code === null ? `${name}: ${stderr.trim()}` : `${name}: exit code ${code}`);
    }
    return { members: results };
  }
}
