import { Flags } from '../cli/oclif.js';
import type { PowerResult } from '../actions/power.js';
import { WorkCommand } from '../cli/work-command.js';
import { CoreupError } from '../util/errors.js';

const LOST =
  'etcd goes on counting this as a member, and coreup cannot replace one: the others stay, but `coreup up` will be refused ' +
  'until the whole cluster is destroyed';

export default class Destroy extends WorkCommand {
  static override summary = 'Remove hosts and everything on them.';
  static override description =
    'Asks for the name of the cluster, or takes --yes. With the last host, the rendered files and .coreup go too; config.ts ' +
    'and user-data stay.';
  static override examples = ['<%= config.bin %> destroy', '<%= config.bin %> destroy core-03 --yes'];
  static override strict = false;
  static override usage = 'destroy [NAME…] [--yes]';
  static override flags = { yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }) };

  async run(): Promise<PowerResult> {
    const { argv, flags } = await this.parse(Destroy);
    this.common = flags;
    const project = await this.project();
    const { destroy, doomedHosts, lostMembers } = await import('../actions/power.js');
    const doomed = await doomedHosts(project, argv as string[]);
    const lost = await lostMembers(project, doomed);
    if (lost.length > 0) this.tellWarning(`${lost.join(', ')}: ${LOST}`);
    if (!flags.yes) await this.agree(project.cluster.name, doomed);
    const result = await destroy(project, doomed, await this.reporter());
    if (result.members.length === 0) this.log('There were no hosts to remove.');
    for (const name of result.members) this.log(`${name} is gone`);
    return result;
  }

  private async agree(cluster: string, doomed: readonly string[]): Promise<void> {
    const hint = `Type the cluster's name at the prompt, or give --yes.`;
    if (!process.stdin.isTTY || this.jsonEnabled()) {
      throw new CoreupError('nothing was removed: there is no terminal to ask on', { code: 'NOT_CONFIRMED', hint });
    }
    const { ask } = await import('../report/confirm.js');
    const what = doomed.length === 0 ? 'everything that is left of it' : doomed.join(', ');
    const answer = await ask(`This removes ${what} with all data. Type the cluster's name (${cluster}) to go on:`);
    if (answer !== cluster) throw new CoreupError('nothing was removed', { code: 'NOT_CONFIRMED', hint });
  }
}
