import type { Config } from './config/schema.js';

export type { Config };

/** What config.ts may export: a config, or a function that makes one, at once or later. */
export type ConfigExport = Config | (() => Config) | (() => Promise<Config>);

/**
 * Gives a config.ts its types. It returns what it is given; the check happens when coreup loads the file.
 *
 * Not generic on purpose: with a type parameter, misspelt keys would pass the type check.
 */
export function defineConfig(config: ConfigExport): ConfigExport {
  return config;
}
