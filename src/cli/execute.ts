// The program's entry, here so that bin/run.js and the commands share one copy of oclif (script/bundle.js).
export { execute } from '@oclif/core/execute';
