/**
 * The benchmark's figures, each against what it is compared with in the same run. Started by `bench/run`.
 *
 *   COREUP   the installed program
 *   BARE     a bare oclif program
 *   ROUNDS   how often each is measured
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { desiredHosts, renderProject } from '../dist/actions/desired.js';
import { openProject } from '../dist/actions/project.js';
import { etcdServiceUnit } from '../dist/etcd/service.js';
import { parseEtcdVersion } from '../dist/etcd/version.js';
import { ask, bootHosts, layOut } from './hosts.mjs';
import { inTurn, median, succeed } from './measure.mjs';

const { COREUP = 'coreup', BARE = '' } = process.env;
const ROUNDS = Number(process.env.ROUNDS || 7);
const BY_HAND = fileURLToPath(new URL('by-hand.sh', import.meta.url));
const PLAYBOOK = fileURLToPath(new URL('ansible/playbook.yml', import.meta.url));

/** What coreup is measured against, and how much of its time coreup may take. */
const script = { what: 'a script', most: 1.3 };
const ansible = (times) => ({ what: 'Ansible', most: 1 / times });

const FIGURES = {
  up: { title: 'up, 3 bare hosts', measure: () => measureUp(3), against: [script, ansible(4)] },
  again: { title: 'up with nothing to do, 3 hosts', measure: () => measureAgain(3), against: [script, ansible(10)] },
  up9: { title: 'up, 9 bare hosts', measure: () => measureUp(9), against: [script, ansible(6)] },
  again9: { title: 'up with nothing to do, 9 hosts', measure: () => measureAgain(9), against: [script, ansible(10)] },
  help: { title: '--help', measure: measureHelp, against: [{ what: 'a bare oclif program', most: 1.15 }] },
  render: { title: 'render for 1,000 members', measure: measureRender, milliseconds: 1000 },
  nothing: { title: 'up from nothing, 3 members', measure: measureNothing, milliseconds: 8000 },
};

const scratch = await mkdtemp(join(tmpdir(), 'coreup-bench-'));
const environment = { ...process.env, COREUP_DATA_DIR: join(scratch, 'local'), NO_COLOR: '1' };

// Ctrl-C ends what is being measured, and so, with an error, the benchmark: after its hosts have been removed.
process.on('SIGINT', () => undefined);
try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(FIGURES);
  const unknown = wanted.filter((name) => !(name in FIGURES));
  if (unknown.length > 0) throw new Error(`no such figure: ${unknown.join(', ')}; there are ${Object.keys(FIGURES)}`);
  console.log(
    `${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, node ${process.version}; medians (least … most) in ms`,
  );
  for (const name of wanted) print(FIGURES[name], await FIGURES[name].measure());
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function print({ title, against = [], milliseconds }, [ours, ...theirs]) {
  const row = (...cells) => console.log(cells.map((cell, at) => cell.padEnd([32, 22, 46, 12, 0][at])).join(''));
  if (milliseconds !== undefined) {
    const met = median(ours) < milliseconds;
    row(
      title,
      show(ours),
      theirs[0] ? `(node, the files alone: ${show(theirs[0])})` : '',
      '',
      verdict(`< ${milliseconds} ms`, met),
    );
  }
  against.forEach(({ what, most }, at) => {
    const factor = median(ours) / median(theirs[at]);
    const [ratio, target] =
      most < 1 ? [1 / factor, `≥ ${1 / most} times faster`] : [factor, `≤ ${most} times its time`];
    row(title, show(ours), `${what}: ${show(theirs[at])}`, `${ratio.toFixed(2)} ×`, verdict(target, factor <= most));
  });
}

function verdict(target, met) {
  return `${target}: ${met ? 'ok' : 'missed'}`;
}

function show(times) {
  return `${Math.round(median(times))} (${Math.round(Math.min(...times))} … ${Math.round(Math.max(...times))})`;
}

async function coreup(directory, ...args) {
  return (await succeed(COREUP, args, { cwd: directory, env: environment })).milliseconds;
}

async function byHand(verb, hosts) {
  return (await succeed(BY_HAND, [verb, hosts.directory])).milliseconds;
}

async function playbook({ directory }) {
  const env = { ...environment, ANSIBLE_CONFIG: join(directory, 'ansible.cfg'), HOME: directory };
  return (await succeed('ansible-playbook', ['-i', 'inventory', PLAYBOOK], { cwd: directory, env })).milliseconds;
}

/** A project directory as a user has one. */
async function project(config) {
  const directory = await mkdtemp(join(scratch, 'project-'));
  const text = `import { defineConfig } from 'coreup';\n\nexport default defineConfig(${config});\n`;
  await writeFile(join(directory, 'config.ts'), text);
  return directory;
}

/** Without TLS, as what it is measured against: neither the script nor the playbook makes certificates. */
function projectOn(hosts) {
  return project(
    `{ cluster_name: 'bench', num_instances: ${hosts.count}, etcd: { tls: false }, provider: ${hosts.providerConfig} }`,
  );
}

/** Bare hosts for each run; booting and removing them is not part of it. */
async function measureUp(count) {
  const way = (run) => () =>
    onBareHosts(count, async (hosts) => {
      const directory = await projectOn(hosts);
      await layOutFiles(hosts, directory);
      return run(hosts, directory);
    });
  return inTurn(ROUNDS, [
    way((_, directory) => coreup(directory, 'up')),
    way((hosts) => byHand('up', hosts)),
    way((hosts) => playbook(hosts)),
  ]);
}

/** All look at the same cluster. */
async function measureAgain(count) {
  return onBareHosts(count, async (hosts) => {
    const directory = await projectOn(hosts);
    await coreup(directory, 'up');
    await layOutFiles(hosts, directory);
    const quick = await inTurn(3 * ROUNDS, [() => coreup(directory, 'up'), () => byHand('check', hosts)]);
    await playbook(hosts);
    const [slow] = await inTurn(Math.ceil(ROUNDS / 2), [() => playbook(hosts)]);
    return [...quick, slow];
  });
}

async function measureHelp() {
  return inTurn(5 * ROUNDS, [
    () => coreup(scratch, '--help'),
    async () => (await succeed(BARE, ['--help'], { cwd: scratch, env: environment })).milliseconds,
  ]);
}

async function measureRender() {
  // As many files of that size, each made beside its place and renamed: what the file system alone takes.
  const files = `
    const { renameSync, writeFileSync } = require('node:fs');
    for (let n = 1; n <= 1000; n++) {
      writeFileSync('.draft-' + n, 'x'.repeat(900), { flag: 'wx', mode: 0o600 });
      renameSync('.draft-' + n, 'user-data-' + n);
    }`;
  const config = `{ cluster_name: 'bench', num_instances: 1000, provider: { kind: 'local', subnet: '10.20.0.0/16' } }`;
  return inTurn(ROUNDS, [
    async () => coreup(await project(config), 'render'),
    async () => (await succeed(process.execPath, ['-e', files], { cwd: await project(config) })).milliseconds,
  ]);
}

async function measureNothing() {
  const directory = await project(`{ cluster_name: 'bench', num_instances: 3 }`);
  const run = async () => {
    try {
      return await coreup(directory, 'up');
    } finally {
      await coreup(directory, 'destroy', '--yes');
    }
  };
  return inTurn(Math.ceil(ROUNDS / 2), [run]);
}

async function onBareHosts(count, work) {
  const hosts = await bootHosts(scratch, count);
  try {
    return await work(hosts);
  } finally {
    await hosts.dispose();
  }
}

/** The script gets the very files that coreup would put on these hosts. */
async function layOutFiles(hosts, directory) {
  const opened = await openProject(join(directory, 'config.ts'));
  const version = await etcdVersion(hosts);
  const unit = etcdServiceUnit('/usr/bin/etcd', version);
  const files = desiredHosts(opened, renderProject(opened)).map(({ name, desired }) => [
    name,
    [
      ['etc/hostname', `${name}\n`],
      ['etc/systemd/system/etcd2.service', unit],
      ...desired.files
        .filter(({ path }) => path.includes('etcd2.service.d'))
        .map(({ path, content }) => [path, content]),
    ],
  ]);
  await layOut(hosts, files);
}

async function etcdVersion({ directory }) {
  const [, address] = (await readFile(join(directory, 'hosts'), 'utf8')).split(/\s/);
  return parseEtcdVersion(await ask(directory, address, 'etcd --version'));
}
