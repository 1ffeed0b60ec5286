import { Flags } from '../cli/oclif.js';
import { BaseCommand } from '../cli/base-command.js';
import type { RenderResult } from '../actions/render.js';

export default class Render extends BaseCommand {
  static override summary = 'Write user-data-1 … N, one cloud-config per member.';
  static override description =
    'The same config gives the same bytes on every run. Files are 0600; those of a former, larger cluster are removed.';
  static override examples = ['<%= config.bin %> render', '<%= config.bin %> render --stdout --member core-02'];
  static override flags = {
    stdout: Flags.boolean({ summary: 'Print instead of writing.', exclusive: ['out'] }),
    member: Flags.string({ summary: 'Only this member.', helpValue: 'NAME', dependsOn: ['stdout'] }),
    out: Flags.string({ summary: 'Write into this directory.', helpValue: 'DIR' }),
  };

  async run(): Promise<RenderResult | { members: unknown[] }> {
    const { flags } = await this.parse(Render);
    this.common = flags;
    const project = await this.project();
    if (flags.stdout) return this.print(project, flags.member);
    const { render } = await import('../actions/render.js');
    const result = await render(project, flags.out);
    for (const { name, file, role } of result.members) this.log(`${file}  ${name}  ${role}`);
    for (const file of result.removed) this.logToStderr(`removed ${file}, which belongs to no member any more`);
    return result;
  }

  private async print(
    project: Awaited<ReturnType<BaseCommand['project']>>,
    name: string | undefined,
  ): Promise<{ members: unknown[] }> {
    const { renderForReading } = await import('../actions/render.js');
    const { selectMembers } = await import('../actions/hosts.js');
    const wanted = new Set(selectMembers(project, name === undefined ? [] : [name]).map((member) => member.name));
    const shown = (await renderForReading(project)).filter(({ member }) => wanted.has(member.name));
    // The texts follow each other as they are: one member's is a file, many are for reading.
    if (!this.jsonEnabled()) for (const { text } of shown) process.stdout.write(text);
    return {
      members: shown.map(({ member, fileName, text }) => ({
        name: member.name,
        index: member.index,
        file: fileName,
        role: member.role,
        text,
      })),
    };
  }
}
