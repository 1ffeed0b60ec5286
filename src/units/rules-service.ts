import { nearest } from '../util/nearest.js';
import { atKey, atValue, type LintContext, type UnitRule } from './lint-context.js';
import { optionsOf, valueOf, valuesOf } from './unit-file.js';

const TYPES = ['simple', 'exec', 'forking', 'oneshot', 'dbus', 'notify', 'notify-reload', 'idle'];

const isService = ({ parts }: LintContext): boolean => parts.suffix === 'service';

/** As systemd fills it in: BusName alone makes a service a dbus one, no ExecStart a oneshot. */
function typeOf({ file, commands }: LintContext): string {
  const given = valueOf(file, 'Service', 'Type')?.value;
  if (given !== undefined) return given;
  if (valueOf(file, 'Service', 'BusName') !== undefined) return 'dbus';
  return commands.some(({ key }) => key === 'ExecStart') ? 'simple' : 'oneshot';
}

const serviceRule = (name: string, check: UnitRule['check']): UnitRule => ({
  name,
  check: (context) => (isService(context) ? check(context) : []),
});

const wrongType = serviceRule('wrong-type', ({ file }) =>
  optionsOf(file, 'Service', 'Type').flatMap((option) => {
    if (option.value === '' || TYPES.includes(option.value)) return [];
    const guess = option.value === 'fork' ? 'forking' : nearest(option.value, TYPES);
    return [
      {
        severity: 'error' as const,
        ...atValue(option),
        message: `${JSON.stringify(option.value)} is no type of service: systemd ignores the line, so the type is "simple"`,
        hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}The types are ${TYPES.join(', ')}.`,
      },
    ];
  }),
);

const relativeCommand = serviceRule('relative-command', ({ commands }) =>
  commands.flatMap(({ key, words, line, column }) => {
    const program = (words[0] ?? '').replace(/^["']/, '');
    if (program === '' || program.startsWith('/') || program.startsWith('%') || program.startsWith('$')) return [];
    const relative = program.includes('/');
    return [
      {
        severity: relative ? ('error' as const) : ('warning' as const),
        line,
        column,
        path: `Service.${key}`,
        message: relative
          ? `the program of ${key} is a relative path (${program}), which systemd refuses`
          : `the program of ${key} has no path (${program}): systemd before version 239, and so CoreOS's, refuses that`,
        hint: `Write the full path, such as /usr/bin/${program.split('/').at(-1) ?? ''}.`,
      },
    ];
  }),
);

const severalExecStart = serviceRule('several-exec-start', (context) => {
  const [, second] = valuesOf(context.file, 'Service', 'ExecStart');
  if (second === undefined || typeOf(context) === 'oneshot') return [];
  return [
    {
      severity: 'error' as const,
      ...atKey(second),
      message: `a second ExecStart: systemd refuses a service of type "${typeOf(context)}" with more than one`,
      hint: 'Add "Type=oneshot", or use ExecStartPre for what comes before the main program.',
    },
  ];
});

const noExecStart = serviceRule('no-exec-start', (context) => {
  const { file, dropIn, commands } = context;
  if (dropIn || commands.some(({ key }) => key === 'ExecStart' || key === 'ExecStop')) return [];
  if (valueOf(file, 'Service', 'SuccessAction') !== undefined) return [];
  const section = file.items.find((item) => item.kind === 'section' && item.name === 'Service');
  return [
    {
      severity: 'error' as const,
      line: section?.line ?? 1,
      column: 1,
      path: 'Service',
      message: 'there is no ExecStart, so systemd refuses to load the service',
      hint: 'Add "ExecStart=/path/to/program" below [Service].',
    },
  ];
});

const dockerDetached = serviceRule('docker-detached', (context) => {
  const type = typeOf(context);
  if (type === 'oneshot' || type === 'forking') return [];
  return context.commands.flatMap(({ key, words, line, column }) => {
    if (key !== 'ExecStart' || !isDetachedRun(words)) return [];
    return [
      {
        severity: 'warning' as const,
        line,
        column,
        path: 'Service.ExecStart',
        message:
          '"docker run -d" returns at once, so systemd has nothing to watch: the service ends, ExecStop runs, and nothing restarts a container that dies',
        hint: 'Leave out -d, so that the container runs in the foreground.',
      },
    ];
  });
});

/** Whether `-d` is among the options of a `docker run`: before the image, and not the argument of another option. */
function isDetachedRun(words: readonly string[]): boolean {
  const [program, ...rest] = words;
  const run = rest.indexOf('run');
  if (!/^(?:.*\/)?(?:docker|podman)$/.test(program ?? '') || run < 0) return false;
  let isArgument = false;
  for (const word of rest.slice(run + 1)) {
    if (isArgument) {
      isArgument = false;
      continue;
    }
    if (!word.startsWith('-')) return false;
    if (/^(?:--detach(?:=true)?|-d=true|-[itPq]*d[itPq]*)$/.test(word)) return true;
    isArgument = !word.includes('=') && !FLAGS.test(word) && !/^-[a-zA-Z]\S/.test(word);
  }
  return false;
}

/** Options of `docker run` that take no argument. */
const FLAGS =
  /^(?:-[itPq]+|--(?:init|interactive|no-healthcheck|oom-kill-disable|privileged|publish-all|quiet|read-only|rm|sig-proxy|tty|disable-content-trust))$/;

const pidFile = serviceRule('pid-file', (context) => {
  const option = valueOf(context.file, 'Service', 'PIDFile');
  if (option === undefined || context.dropIn) return [];
  const type = typeOf(context);
  if (type === 'forking') {
    return option.value.startsWith('/') || option.value.startsWith('%')
      ? []
      : [
          {
            severity: 'warning' as const,
            ...atValue(option),
            message: `PIDFile should be an absolute path; found ${option.value}`,
            hint: `Write "/run/${option.value}".`,
          },
        ];
  }
  return [
    {
      severity: 'warning' as const,
      ...atKey(option),
      message: `PIDFile is for services of type "forking"; this one is "${type}"`,
      hint: 'Add "Type=forking" if the program puts itself into the background; otherwise delete PIDFile.',
    },
  ];
});

const busName = serviceRule('bus-name', (context) => {
  const { file, dropIn } = context;
  const name = valueOf(file, 'Service', 'BusName');
  const type = valueOf(file, 'Service', 'Type');
  if (dropIn) return [];
  if (name === undefined) {
    return type?.value !== 'dbus'
      ? []
      : [
          {
            severity: 'error' as const,
            ...atValue(type),
            message: 'a service of type "dbus" needs BusName; systemd refuses it without',
            hint: 'Add "BusName=" with the name that the program takes on the bus.',
          },
        ];
  }
  if (type?.value === 'dbus') return [];
  return [
    {
      severity: 'warning' as const,
      ...atKey(name),
      message:
        type === undefined
          ? 'BusName without Type makes this a service of type "dbus": it counts as started once the name is on the bus'
          : `BusName is for services of type "dbus"; this one is "${type.value}"`,
      hint:
        type === undefined
          ? 'Write "Type=dbus" to say so, or delete BusName.'
          : 'Write "Type=dbus", or delete BusName.',
    },
  ];
});

const restartOneshot = serviceRule('restart-oneshot', (context) => {
  const restart = valueOf(context.file, 'Service', 'Restart');
  const type = valueOf(context.file, 'Service', 'Type')?.value;
  if (restart === undefined || type !== 'oneshot' || !['always', 'on-success'].includes(restart.value)) return [];
  return [
    {
      severity: 'error' as const,
      ...atValue(restart),
      message: `systemd refuses "Restart=${restart.value}" for a service of type "oneshot"`,
      hint: 'Use "Restart=on-failure" (systemd 244 or later), a timer, or another type.',
    },
  ];
});

/** What makes a service fail to load, or run differently from what was meant. */
export const SERVICE_RULES: readonly UnitRule[] = [
  wrongType,
  relativeCommand,
  severalExecStart,
  noExecStart,
  dockerDetached,
  pidFile,
  busName,
  restartOneshot,
];
