import { ensureImage } from '../providers/local/image.js';
import { machineProblems } from '../providers/local/preflight.js';
import { cacheRoot, dataRoot } from '../providers/local/paths.js';
import type { ImageChoice } from '../providers/local/recipe.js';
import { problemsError } from '../phases/machine.js';
import type { Reporter } from '../report/port.js';

/** Builds an image unless it is cached. @returns its path */
export async function buildImage(choice: ImageChoice, reporter: Reporter, signal: AbortSignal): Promise<string> {
  const problems = machineProblems({ image: true, hosts: 0, cacheDir: cacheRoot(), dataDir: dataRoot() });
  if (problems.length > 0) throw problemsError(problems);
  return reporter.phase(`Image of ${choice.suite}`, () => ensureImage(choice, (note) => reporter.info(note), signal));
}
