import type { ValidateResult } from '../actions/validate.js';
import { BaseCommand } from '../cli/base-command.js';
import { Flags } from '../cli/oclif.js';

export default class Validate extends BaseCommand {
  static override summary = 'Check config, user-data and units; no host is touched.';
  static override description =
    'Without --user-data and --unit: the config, the user-data of every member, and the unit files in units/. ' +
    'Exit code 2 if there is an error.';
  static override examples = [
    '<%= config.bin %> validate',
    '<%= config.bin %> validate --user-data user-data --etcd-version 3.5',
    '<%= config.bin %> validate --unit redis@1.service --strict',
  ];
  static override flags = {
    'user-data': Flags.string({
      summary: 'Check this cloud-config alone; may be given several times.',
      helpValue: 'FILE',
      multiple: true,
    }),
    unit: Flags.string({
      summary: 'Check this unit file alone; may be given several times.',
      helpValue: 'FILE',
      multiple: true,
    }),
    strict: Flags.boolean({ summary: 'Exit code 2 for warnings, too.' }),
    'etcd-version': Flags.string({
      summary: 'The etcd of the hosts; by default that of the local hosts, where coreup makes them.',
      helpValue: 'X.Y',
    }),
  };

  async run(): Promise<ValidateResult> {
    const { flags } = await this.parse(Validate);
    this.common = flags;
    const { etcdVersion } = await import('../cli/parse-flags.js');
    const version = flags['etcd-version'];
    const { validate } = await import('../actions/validate.js');
    const { frameOf, ...result } = await validate({
      config: flags.config,
      userData: flags['user-data'] ?? [],
      units: flags.unit ?? [],
      etcdVersion: version === undefined ? undefined : etcdVersion(version),
      strict: flags.strict,
    });
    if (!result.valid) process.exitCode = 2;
    if (!this.jsonEnabled()) {
      const { findingsText } = await import('../cli/findings-text.js');
      process.stdout.write(findingsText(result, frameOf, this.common.color));
    }
    return result;
  }
}
