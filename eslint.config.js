import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Dependencies between folders point one way (docs/architecture.md). Each line: a folder, and the folders it may import.
 */
const mayImport = {
  util: [],
  cluster: ['util'],
  ssh: ['util'],
  state: ['util'],
  report: ['util'],
  sources: ['util'],
  units: ['util'],
  pki: ['util'],
  etcd: ['cluster', 'units', 'util'],
  fleet: ['cluster', 'etcd', 'units', 'util'],
  'cloud-config': ['units', 'etcd', 'fleet', 'cluster', 'util'],
  discovery: ['cluster', 'etcd', 'util'],
  config: ['cluster', 'etcd', 'fleet', 'util'],
  render: ['cloud-config', 'config', 'discovery', 'etcd', 'plan', 'state', 'cluster', 'util'],
  plan: ['cloud-config', 'etcd', 'fleet', 'units', 'cluster', 'util'],
  providers: ['cluster', 'ssh', 'util'],
  phases: ['plan', 'discovery', 'etcd', 'fleet', 'cluster', 'ssh', 'providers', 'state', 'report', 'util'],
  doctor: ['phases', 'plan', 'etcd', 'fleet', 'pki', 'cluster', 'ssh', 'providers', 'state', 'util'],
  actions: [
    'doctor', 'phases', 'plan', 'render', 'cloud-config', 'discovery', 'config', 'etcd', 'fleet', 'units', 'cluster', 'ssh',
    'providers', 'sources', 'state', 'report', 'pki', 'util',
  ], // prettier-ignore
  cli: ['actions', 'report', 'state', 'util'],
  commands: ['cli', 'actions', 'report', 'state', 'util'],
};

const folders = Object.keys(mayImport);
const zones = Object.entries(mayImport).flatMap(([folder, allowed]) => ({
  target: `./src/${folder}`,
  from: folders.filter((other) => other !== folder && !allowed.includes(other)).map((other) => `./src/${other}`),
  message: `src/${folder} may import only: ${allowed.join(', ') || 'nothing'}.`,
}));

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: 'tsconfig.test.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [importX.createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })] },
    rules: {
      'no-console': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A number reads well in a message.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowNullish: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
  // oclif finds commands by their default export; user configs have one too.
  { files: ['src/commands/**/*.ts'], rules: { 'import-x/no-default-export': 'off' } },
);
