/** A process of its own that attaches its real stdin: what the tests cannot see in a process that jest keeps alive. */
import { createSsh } from '../../../src/ssh/client.js';

const [port, user, identityFile, knownHostsFile, command, terminal] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const ssh = createSsh({ knownHostsFile, agent: false });
const target = { name: 'core-01', address: '127.0.0.1', port: Number(port), user, identityFile };
const connection = await ssh.connect(target, { deadline: 10_000 });
const { stdin, stdout, stderr } = process;
const { code } = await connection.attach(command, { stdin, stdout, stderr, terminal: terminal === 'terminal' });
await ssh.close();
process.exitCode = code ?? 99;
