// Prints "PASSED FAILED SKIPPED" of a jest report. A suite that could not run counts as one failure.
import { readFile } from 'node:fs/promises';

const report = await readFile(process.argv[2] ?? '', 'utf8').then(JSON.parse, () => undefined);
if (report === undefined) {
  console.log('0 1 0');
} else {
  for (const { assertionResults } of report.testResults) {
    for (const { status, fullName } of assertionResults) {
      if (status === 'pending') console.error(`skipped: ${fullName}`);
    }
  }
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests } = report;
  console.log(`${numPassedTests} ${numFailedTests + numRuntimeErrorTestSuites} ${numPendingTests}`);
}
