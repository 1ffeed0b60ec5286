// Not from the root of '@oclif/core': that loads semver and more for every command, a tenth of the time of `--help`.
export * as Args from '@oclif/core/args';
export { Command } from '@oclif/core/command';
export * as Flags from '@oclif/core/flags';
