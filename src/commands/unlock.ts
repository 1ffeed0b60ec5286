import { BaseCommand } from '../cli/base-command.js';

export default class Unlock extends BaseCommand {
  static override summary = "Remove the project's lock if its owner is gone.";
  static override examples = ['<%= config.bin %> unlock'];

  async run(): Promise<{ removed: boolean }> {
    const { flags } = await this.parse(Unlock);
    this.common = flags;
    const project = await this.project();
    const { unlock } = await import('../state/lock.js');
    const removed = await unlock(project.state);
    this.log(removed ? 'The lock is removed.' : 'There is no lock.');
    return { removed };
  }
}
