import { wordIssues, type Issue } from './issues.js';
import { checkRules } from './rules.js';
import { configSchema, type ParsedConfig, type Sections } from './schema.js';

export interface CheckResult {
  /** The config with defaults, where nothing is wrong with it. */
  readonly config: (ParsedConfig & { readonly num_instances: number }) | undefined;
  readonly issues: readonly Issue[];
}

/** Checks a config value: the schema, then what holds between keys. Pure. */
export function checkConfig(given: unknown): CheckResult {
  const parsed = configSchema.safeParse(given);
  const sections = parsed.success ? withInstances(parsed.data) : soundSections(given);
  const issues = [
    ...(parsed.error ? wordIssues(configSchema, given, parsed.error.issues) : []),
    ...checkRules(sections, given),
  ];
  const isValid = parsed.success && issues.every((issue) => issue.severity === 'warning');
  return {
    config: isValid ? { ...parsed.data, num_instances: sections.num_instances ?? 1 } : undefined,
    issues,
  };
}

/** The sections that are right although others are not. */
function soundSections(given: unknown): Sections {
  if (typeof given !== 'object' || given === null) return {};
  const entries = Object.entries(configSchema.shape).map(([key, schema]) => [
    key,
    schema.safeParse((given as Record<string, unknown>)[key]).data,
  ]);
  const sections = Object.fromEntries(entries) as Sections;
  // A number that is wrong must not turn into the default for one that is absent.
  const isKnown = sections.num_instances !== undefined || !('num_instances' in given);
  return isKnown ? withInstances(sections) : sections;
}

/** How many instances there are: as many as hosts are listed, otherwise one, as in coreos-vagrant. */
function withInstances(sections: Sections): Sections {
  if (sections.num_instances !== undefined || !sections.provider) return sections;
  const { provider } = sections;
  return { ...sections, num_instances: provider.kind === 'ssh' ? provider.hosts.length : 1 };
}
