import { BaseCommand } from '../cli/base-command.js';
import { Flags } from '../cli/oclif.js';

export default class Unlock extends BaseCommand {
  static override summary = "Remove the project's lock if its owner is gone.";
  static override description =
    'An owner on this machine is looked for. One on another machine or in another container counts as gone after 30 seconds ' +
    'without a sign of life.';
  static override examples = ['<%= config.bin %> unlock'];
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'An owner elsewhere is gone for certain: do not watch for it.' }),
  };

  async run(): Promise<{ removed: boolean }> {
    const { flags } = await this.parse(Unlock);
    this.common = flags;
    const project = await this.project();
    const { unlock } = await import('../state/lock.js');
    const { nameOf } = await import('../state/owner.js');
    const removed = await unlock(project.state, {
      sure: flags.yes,
      signal: this.signal,
      onWatch: (owner, seconds) =>
        this.logToStderr(`The lock is held by ${nameOf(owner)}; watching for ${seconds} s whether it lives.`),
    });
    this.log(removed ? 'The lock is removed.' : 'There is no lock.');
    return { removed };
  }
}
