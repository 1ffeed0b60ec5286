/** Three projects by what they need: nothing (unit), a real sshd (integration), real systemd hosts (e2e). */
const common = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, tsconfig: 'tsconfig.test.json', diagnostics: false }] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
};
const project = (name, extra = {}) => ({
  ...common,
  displayName: name,
  roots: [`<rootDir>/test/${name}`],
  testMatch: ['**/*.test.ts'],
  ...extra,
});
export default {
  testSequencer: '<rootDir>/test/sequencer.js',
  projects: [project('unit'), project('integration'), project('e2e', { runner: '<rootDir>/test/e2e/lab/runner.js' })],
};
