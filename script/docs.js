#!/usr/bin/env node
// Writes docs/config.md from the schema in dist; with --check it only compares, and fails where the page is behind.
import { readFile, writeFile } from 'node:fs/promises';
import { referencePage } from '../dist/config/reference.js';

const page = new URL('../docs/config.md', import.meta.url);
const wanted = referencePage();

if (process.argv.includes('--check')) {
  const present = await readFile(page, 'utf8').catch(() => '');
  if (present !== wanted) {
    console.error('docs/config.md is behind src/config/schema.ts: run `npm run build && node script/docs.js`');
    process.exitCode = 1;
  }
} else {
  await writeFile(page, wanted);
}
