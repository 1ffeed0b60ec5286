import { describe, expect, it } from '@jest/globals';
import { etcdHosts } from '../../../src/phases/etcd-host.js';
import type { EtcdHost } from '../../../src/phases/run.js';
import { waitForMember } from '../../../src/phases/wait.js';
import { CoreupError, InterruptedError } from '../../../src/util/errors.js';
import { scene, UNIT_RUNS, type Scene } from './support.js';

const unit = (active: string, restarts: number): { stdout: string } => ({
  stdout: `ActiveState=${active}\nSubState=sub\nResult=exit-code\nNRestarts=${restarts}\n`,
});

async function one(): Promise<{ made: Scene; member: EtcdHost }> {
  const made = await scene(1);
  const [member] = etcdHosts(made.run.hosts);
  if (!member) throw new Error('no member');
  return { made, member };
}

describe('waitForMember', () => {
  it('is over as soon as the member follows a leader', async () => {
    const { made, member } = await one();
    expect(await waitForMember(member, made.run)).toMatchObject({ leader: '1', clusterId: 'c8' });
    expect(made.ssh.scripts()).toEqual([]);
  });

  it('goes on while the member does not answer, and while it knows no leader', async () => {
    const { made, member } = await one();
    const [etcd] = made.etcds;
    if (!etcd) return;
    etcd.up = false;
    etcd.leader = 0;
    let looks = 0;
    made.ssh.reply('systemctl show', () => {
      if (++looks === 3) etcd.up = true;
      if (looks === 6) etcd.leader = 1;
      return { stdout: UNIT_RUNS };
    });
    expect((await waitForMember(member, made.run)).leader).toBe('1');
    expect(made.reporter.notes).toContain(
      'core-01 running: waiting for etcd (active/running): no connection from there to 127.0.0.1:2379 (Connection refused)',
    );
    expect(made.reporter.notes).toContain(
      'core-01 running: waiting for etcd (active/running): etcd runs but knows no leader: it cannot reach enough other members',
    );
  });

  it('gives up when the unit has failed, with the end of its journal and where to read more', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].up = false;
    made.ssh.reply('systemctl show', unit('failed', 0));
    await expect(waitForMember(member, made.run)).rejects.toMatchObject({
      code: 'MEMBER_NOT_READY',
      message: 'etcd does not stay up (exit-code, restarted 0 times)',
      detail: 'the end of the journal',
      hint: 'More of its journal: `coreup logs core-01 etcd2.service`.',
    });
  });

  it('gives up after three restarts, not counting those from before', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].up = false;
    let looks = 0;
    made.ssh.reply('systemctl show', () => unit('activating', 10 + Math.min(looks++, 3)));
    await expect(waitForMember(member, made.run)).rejects.toThrow(
      'etcd does not stay up (exit-code, restarted 13 times)',
    );
    expect(looks).toBe(4);
  });

  it('gives up at the deadline, with the last thing it heard', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].leader = 0;
    const patience = { ready: 20, agree: 0, poll: [1, 2], unitPoll: 0 } as const;
    await expect(waitForMember(member, { ...made.run, patience })).rejects.toThrow(
      'not ready after 0.02 s: etcd runs but knows no leader: it cannot reach enough other members',
    );
  });

  it('gives up when there will be no quorum', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].up = false;
    const hopeless = new AbortController();
    made.ssh.reply('systemctl show', () => {
      hopeless.abort();
      return { stdout: UNIT_RUNS };
    });
    await expect(waitForMember(member, made.run, hopeless.signal)).rejects.toThrow(
      /^there will be no quorum: no connection/,
    );
  });

  it('says so when the host itself is lost', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].up = false;
    const lost = new CoreupError('core-01 (10.0.0.1): the SSH connection was lost', { code: 'SSH_LOST' });
    made.ssh.reply('systemctl show', { error: lost });
    await expect(waitForMember(member, made.run)).rejects.toBe(lost);
  });

  it('tells why there is no journal, instead of hiding why the member is not ready', async () => {
    const { made, member } = await one();
    if (made.etcds[0]) made.etcds[0].up = false;
    made.ssh.reply('systemctl show', unit('failed', 0)).reply('journalctl', { error: new Error('no journal here') });
    await expect(waitForMember(member, made.run)).rejects.toMatchObject({ detail: 'no journal here' });
  });

  it('ends at once when it is interrupted, also while etcd keeps it waiting', async () => {
    const { made, member } = await one();
    const [etcd] = made.etcds;
    if (!etcd) return;
    etcd.hangs = true;
    etcd.onRequest = () => made.controller.abort();
    // The client's own time limit is five seconds, and the answer never comes.
    await expect(waitForMember(member, made.run)).rejects.toBeInstanceOf(InterruptedError);
    expect(made.ssh.scripts()).toEqual([]);
  });
});
