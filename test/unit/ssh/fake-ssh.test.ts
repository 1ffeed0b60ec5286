import { expect, test } from '@jest/globals';
import { FakeSsh } from './fake-ssh.js';

const target = (name: string) => ({ name, address: '10.0.0.1', port: 22, user: 'core' });

test('records what ran and answers as told', async () => {
  const ssh = new FakeSsh()
    .reply('uname', { stdout: 'Linux\n' })
    .replyOn('core-02', 'uname', { code: 1, stderr: 'no' })
    .reply(/^systemctl/, { stdout: 'activating' }, { stdout: 'active' });
  const [one, two] = await Promise.all([
    ssh.connect(target('core-01'), { deadline: 0 }),
    ssh.connect(target('core-02'), { deadline: 0 }),
  ]);
  expect((await one.run({ text: 'uname -s', sudo: true, input: [Buffer.from('in')] })).stdout.toString()).toBe(
    'Linux\n',
  );
  expect(await two.run({ text: 'uname -s' })).toMatchObject({ code: 1, stderr: Buffer.from('no') });
  const states = [];
  for (let index = 0; index < 3; index++) states.push((await one.run({ text: 'systemctl' })).stdout.toString());
  expect(states).toEqual(['activating', 'active', 'active']);
  expect(ssh.scripts('core-01')).toEqual(['uname -s', 'systemctl', 'systemctl', 'systemctl']);
  expect(ssh.requests[2]).toEqual({
    host: 'core-01',
    kind: 'run',
    text: 'uname -s',
    sudo: true,
    input: Buffer.from('in'),
  });
  await expect(one.run({ text: 'rm -rf /' })).rejects.toThrow('no reply');
});

test('hosts can be unreachable', async () => {
  const ssh = new FakeSsh().unreachable('core-03');
  await expect(ssh.connect(target('core-03'), { deadline: 0 })).rejects.toMatchObject({ code: 'SSH_UNREACHABLE' });
});
