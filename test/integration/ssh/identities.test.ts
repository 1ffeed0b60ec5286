import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSsh, type SshOptions } from '../../../src/ssh/client.js';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import type { Ssh, SshTarget } from '../../../src/ssh/port.js';
import { InterruptedError } from '../../../src/util/errors.js';
import { containing, matching } from './matchers.js';
import { Sshd } from './sshd.js';

const PASSPHRASE = 'a pässphrase';
let sshd: Sshd;
let agent: { readonly socket: string; readonly pid: number };
const open: Ssh[] = [];

beforeAll(async () => {
  sshd = await Sshd.create({ config: ['MaxAuthTries 4'] });
});
beforeEach(() => {
  const socket = join(sshd.directory, 'agent');
  const output = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
  agent = { socket, pid: Number(/SSH_AGENT_PID=(\d+)/.exec(output)?.[1]) };
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((ssh) => ssh.close()));
  process.kill(agent.pid);
});
afterAll(async () => {
  await sshd.remove();
});

function ssh(options: Partial<SshOptions> = {}): Ssh {
  const made = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false, home: sshd.directory, ...options });
  open.push(made);
  return made;
}

async function login(target: SshTarget, options: Partial<SshOptions> = {}): Promise<string> {
  const connection = await ssh(options).connect(target, { deadline: 0 });
  return (await connection.run({ text: 'echo in' })).stdout.toString();
}

/** Makes a key that the host accepts, or one that it does not know. */
function makeKey(
  name: string,
  options: { type?: string; passphrase?: string; pem?: boolean; accepted?: boolean } = {},
) {
  const file = join(sshd.directory, name);
  const { type = 'ed25519', passphrase = '', pem = false, accepted = true } = options;
  const format = pem ? ['-m', 'PEM'] : [];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...format, '-N', passphrase, '-f', file]);
  const publicKey = readFileSync(`${file}.pub`, 'utf8');
  if (accepted) writeFileSync(join(sshd.directory, 'authorized_keys'), publicKey, { flag: 'a' });
  return file;
}

const addToAgent = (file: string) => {
  execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: agent.socket }, stdio: 'ignore' });
};
const with_ = (identityFile: string): SshTarget => ({ ...sshd.target, identityFile });
const among = (identities: NonNullable<SshTarget['identities']>): SshTarget => {
  const { identityFile: _, ...target } = sshd.target;
  return { ...target, identities };
};

describe('a key with a passphrase', () => {
  test.each([
    ['ed25519', false],
    ['ecdsa', false],
    ['rsa', false],
    ['rsa', true],
  ])('%s, PEM %p: asked for once, for many hosts', async (type, pem) => {
    const file = makeKey(`locked-${type}-${pem}`, { type, pem, passphrase: PASSPHRASE });
    const questions: string[] = [];
    const client = ssh({
      askSecret: (question) => {
        questions.push(question);
        return Promise.resolve(PASSPHRASE);
      },
    });
    for (const name of ['core-01', 'core-02']) {
      const connection = await client.connect({ ...with_(file), name }, { deadline: 0 });
      await connection.close();
    }
    expect(questions).toEqual([`Passphrase for the key ${file}:`]);
  });

  test('a wrong one is asked for again, three times at most', async () => {
    const file = makeKey('locked-wrong', { passphrase: PASSPHRASE });
    const answers = ['wrong', PASSPHRASE];
    const questions: string[] = [];
    const askSecret = (question: string) => {
      questions.push(question);
      return Promise.resolve(answers.shift() ?? 'still wrong');
    };
    expect(await login(with_(file), { askSecret })).toBe('in\n');
    expect(questions).toEqual([`Passphrase for the key ${file}:`, `Wrong. Passphrase for the key ${file}:`]);

    const error = await login(with_(file), { askSecret }).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'SSH_AUTH', message: containing(file) });
    expect(questions).toHaveLength(2 + 3);
    expect(String((error as Error).stack)).not.toContain('still wrong');
  });

  test('is not asked for where the host does not want the key', async () => {
    const file = makeKey('locked-unwanted', { passphrase: PASSPHRASE, accepted: false });
    const target = among({ files: [file, sshd.identityFile], only: false });
    const askSecret = () => Promise.reject(new Error('nobody should be asked'));
    expect(await login(target, { askSecret })).toBe('in\n');
  });

  test('Ctrl-C at the question ends the attempt as an interruption', async () => {
    const file = makeKey('locked-interrupted', { passphrase: PASSPHRASE });
    const askSecret = () => Promise.reject(new InterruptedError());
    await expect(login(with_(file), { askSecret })).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  });

  test('time that a person takes is not the host’s', async () => {
    const file = makeKey('locked-slow', { passphrase: PASSPHRASE });
    const askSecret = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return PASSPHRASE;
    };
    const client = ssh({ askSecret, attemptTimeout: 1000 });
    const connection = await client.connect(with_(file), { deadline: 1200 });
    expect((await connection.run({ text: 'true' })).code).toBe(0);
  });

  test('without anybody to ask: said with the file, also when other keys were refused', async () => {
    const file = makeKey('locked-alone', { passphrase: PASSPHRASE });
    await expect(login(with_(file))).rejects.toMatchObject({ code: 'SSH_KEY_ENCRYPTED', hint: containing('ssh-add') });
    await expect(login(among({ files: [file], only: true }))).rejects.toMatchObject({ code: 'SSH_KEY_ENCRYPTED' });
    const refused = makeKey('refused', { accepted: false });
    await expect(login(among({ files: [file, refused], only: true }))).rejects.toMatchObject({
      code: 'SSH_AUTH',
      message: matching(
        new RegExp(`tried ${refused}; not tried, since protected by a passphrase and in no agent: ${file}`),
      ),
    });
  });
});

describe('an agent', () => {
  test('signs for a protected key that it holds; nobody is asked', async () => {
    const file = makeKey('held', { type: 'rsa' });
    addToAgent(file);
    execFileSync('ssh-keygen', ['-q', '-p', '-f', file, '-P', '', '-N', PASSPHRASE]);
    const askSecret = () => Promise.reject(new Error('nobody should be asked'));
    expect(await login(with_(file), { agent: agent.socket, askSecret })).toBe('in\n');
  });

  test('full of other keys: the wanted one goes first, with IdentitiesOnly alone', async () => {
    for (let index = 0; index < 6; index++) addToAgent(makeKey(`flood-${index}`, { accepted: false }));
    const file = makeKey('wanted');
    addToAgent(file);
    for (const only of [true, false]) {
      expect(await login(among({ files: [file], only }), { agent: agent.socket })).toBe('in\n');
    }
    await expect(login(among({ files: [], only: false }), { agent: agent.socket })).rejects.toMatchObject({
      code: 'SSH_AUTH',
      hint: containing('more than sshd lets one try'),
    });
    await expect(login(among({ files: [], only: true }), { agent: agent.socket })).rejects.toMatchObject({
      code: 'SSH_NO_KEY',
    });
  });

  test('holds the private half where the file is the public one, or only its .pub is there', async () => {
    const file = makeKey('half');
    addToAgent(file);
    expect(await login(with_(`${file}.pub`), { agent: agent.socket })).toBe('in\n');
    copyFileSync(`${file}.pub`, join(sshd.directory, 'gone.pub'));
    const gone = among({ files: [join(sshd.directory, 'gone')], only: true });
    expect(await login(gone, { agent: agent.socket })).toBe('in\n');
  });

  test('of the host’s own ssh configuration is used, and `none` is none', async () => {
    const file = makeKey('own-agent');
    addToAgent(file);
    const pair = await generateKeyPair('unknown');
    writeFileSync(join(sshd.directory, 'unknown'), pair.privateKey, { mode: 0o600 });
    const files = [join(sshd.directory, 'unknown')];
    expect(await login(among({ files, only: false, agent: agent.socket }))).toBe('in\n');
    await expect(login(among({ files, only: false, agent: false }), { agent: agent.socket })).rejects.toMatchObject({
      code: 'SSH_AUTH',
    });
  });
});
