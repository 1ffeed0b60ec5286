// Puts the commands and what they import into a few files, in place of dist/commands/*.js: Node takes longer to find and
// open 400 small files than to run them (docs/performance.md). The other files in dist/ stay, for types, tests and tools.
import { build } from 'esbuild';
import { readdir, readFile, writeFile } from 'node:fs/promises';

const commands = (await readdir('dist/commands', { recursive: true })).filter((name) => name.endsWith('.js'));
const { metafile } = await build({
  entryPoints: ['dist/cli/execute.js', ...commands.map((name) => `dist/commands/${name}`)],
  outbase: 'dist',
  outdir: 'dist',
  allowOverwrite: true,
  // One level below dist/, like the modules that it is made of: they find templates/ by their own place.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Node reads it all before it runs; names stay, for error messages.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  // ssh2 has native parts, jiti loads files of its own, and oclif would use typescript only if a user had it.
  external: ['ssh2', 'jiti', 'typescript'],
  // What CommonJS packages expect to be there.
  banner: {
    js: `import { createRequire as __createRequire } from 'node:module';
import { dirname as __directoryOf } from 'node:path';
import { fileURLToPath as __pathOf } from 'node:url';
const require = __createRequire(import.meta.url), __filename = __pathOf(import.meta.url), __dirname = __directoryOf(__filename);`,
  },
  metafile: true,
  logLevel: 'warning',
});
await writeFile('dist/chunks/LICENSES.txt', await licenses(Object.keys(metafile.inputs)));

/** The licences of the packages that have become part of the bundle. */
async function licenses(inputs) {
  const directories = new Set(inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]));
  directories.delete(undefined);
  const texts = [...directories].sort().map(async (directory) => {
    const { name, version, license } = JSON.parse(await readFile(`${directory}/package.json`, 'utf8'));
    const file = (await readdir(directory)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : await readFile(`${directory}/${file}`, 'utf8');
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}
