import type { CertsReport } from '../actions/certs.js';
import { table } from './table.js';

const ROTATION: Readonly<Record<CertsReport['rotation'], string | undefined>> = {
  settled: undefined,
  introduced: 'the new authority is being made known',
  replaced: 'the new authority has signed everything anew',
  settling: 'the old authority is being forgotten',
};

/** The certificates as tables, and a rotation that is not over. */
export function certsText({ rotation, authorities, certificates }: CertsReport): string {
  const day = (date: string): string => date.slice(0, 10);
  const under = ROTATION[rotation];
  const lines = [
    ...table(
      ['AUTHORITY', 'ENDS', 'DAYS', 'SIGNS'],
      authorities.map(({ subject, valid_to, days, signs }) => [
        subject,
        day(valid_to),
        `${days}`,
        signs ? 'yes' : 'no',
      ]),
    ),
    '',
    ...table(
      ['MEMBER', 'KIND', 'ENDS', 'DAYS', 'NAMES'],
      certificates.map(({ member, kind, valid_to, days, names }) => [
        member ?? 'coreup itself',
        kind,
        day(valid_to),
        `${days}`,
        names.join(', ') || '-',
      ]),
    ),
    ...(under === undefined ? [] : ['', `A rotation is not over: ${under}. \`coreup certs rotate\` goes on with it.`]),
  ];
  return `${lines.join('\n')}\n`;
}
