import type { UpResult } from '../actions/up.js';

/** What stays on the screen after an `up`. */
export function upText(cluster: string, result: UpResult): string {
  const seconds = result.seconds.toFixed(1);
  if (result.ok) {
    const size = `${result.members.length} ${result.members.length === 1 ? 'member' : 'members'}`;
    const changes = result.changes === 1 ? '1 change' : `${result.changes} changes`;
    return result.changes === 0
      ? `Nothing to do: ${cluster} is healthy (${size}, checked in ${seconds} s).\n`
      : `${cluster} is up and healthy: ${size}, ${changes}, ${seconds} s.\n`;
  }
  return `${[`Error: ${result.problem ?? 'the cluster is not up'}`, ...failureLines(result.failures)].join('\n')}\n`;
}

/** Each member that failed, with why and what to do. */
export function failureLines(failures: UpResult['failures']): readonly string[] {
  return failures.flatMap(({ member, message, hint, detail }) => [
    '',
    `${member}: ${message}`,
    ...(detail ? detail.split('\n').map((line) => `    ${line}`) : []),
    ...(hint ? [`→ ${hint}`] : []),
  ]);
}
