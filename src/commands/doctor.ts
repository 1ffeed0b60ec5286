import type { DoctorReport } from '../actions/doctor.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Look at this machine, every host and the cluster; say what is wrong, and what to do.';
  static override description =
    'Clocks, disks, ports, names, addresses, machine IDs, units, members, alarms, certificates, locks. Takes no lock and ' +
    'changes nothing; to time the disk, a file is made in the data directory of etcd and removed at once. ' +
    'Exit code 1 if there are errors; warnings do not count.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json'];
  static override flags = {};

  async run(): Promise<DoctorReport> {
    const { flags } = await this.parse(Doctor);
    this.common = flags;
    const project = await this.project();
    const [{ examine }, { createReporter }] = await Promise.all([
      import('../actions/doctor.js'),
      import('../report/create.js'),
    ]);
    const report = await examine(project, await createReporter(flags));
    if (!report.ok) process.exitCode = 1;
    if (!this.jsonEnabled()) {
      const { doctorText } = await import('../cli/doctor-text.js');
      process.stdout.write(doctorText(report, flags.color));
    }
    return report;
  }
}
