import type { ValidateResult } from '../actions/validate.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Validate extends BaseCommand {
  static override summary = 'Check the config and the user-data of every member; no host is touched.';
  static override examples = ['<%= config.bin %> validate', '<%= config.bin %> validate --json'];

  async run(): Promise<ValidateResult> {
    const { flags } = await this.parse(Validate);
    this.common = flags;
    const { validate } = await import('../actions/validate.js');
    const { error, ...result } = await validate(flags.config);
    if (error && !this.jsonEnabled()) throw error;
    if (!result.valid) process.exitCode = 2;
    if (!this.jsonEnabled()) {
      for (const { file, line, column, severity, message } of result.issues) {
        const place = [file, line, column].filter((part) => part !== null).join(':');
        this.logToStderr(`${severity}: ${place}: ${message}`);
      }
      this.log('The config and the user-data of every member are valid.');
    }
    return result;
  }
}
