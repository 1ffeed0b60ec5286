import { describe, expect, it } from '@jest/globals';
import { mkdirSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { etcdWish } from '../../../src/doctor/etcd-wish.js';
import { factsScript, parseFacts } from '../../../src/doctor/host-script.js';
import { clockOffset, parseSync, syncScript } from '../../../src/doctor/probes.js';
import { desiredState } from '../phases/support.js';
import { runShell, standIns, temporary } from '../plan/support.js';
import { FakeSsh } from '../ssh/fake-ssh.js';

const wish = etcdWish(desiredState(0, ['core-01', 'core-02']));
/** Milliseconds: clocks of this age tell nanoseconds in 19 digits. */
const EPOCH = 1_700_000_000_000;
const TARGET = { name: 'core-01', host: '10.0.0.1', port: 22, user: 'core' };

describe('clockOffset', () => {
  it('takes the quickest of several answers, and says how far it may be wrong', async () => {
    const ssh = new FakeSsh();
    // This machine's clock at each asking and answer, and what the host says in between.
    const here = [1000, 1100, 2000, 2010, 3000, 3200, 4000, 4040].map((at) => EPOCH + at);
    const there = [1050, 2505, 3100, 4020].map((at) => ({ stdout: `${BigInt(EPOCH + at) * 1_000_000n}\n` }));
    ssh.reply('date', ...there);
    const connection = await ssh.connect(TARGET as never, {} as never);
    expect(await clockOffset(connection, () => here.shift() ?? 0)).toEqual({ offset: 500, bound: 5 });
  });

  it('says that a date without nanoseconds tells nothing', async () => {
    const ssh = new FakeSsh().reply('date', { stdout: '1700000000N\n' });
    const connection = await ssh.connect(TARGET as never, {} as never);
    await expect(clockOffset(connection)).rejects.toMatchObject({ code: 'DOCTOR_CLOCK' });
  });
});

describe('the timed writes', () => {
  it('are made in the data directory, or in the nearest above it, and leave nothing', () => {
    const directory = temporary();
    for (const place of [directory, join(directory, 'not', 'there')]) {
      const { code, stdout } = runShell(syncScript(place));
      expect(code).toBe(0);
      const figures = parseSync(stdout);
      expect(figures?.writes).toBeGreaterThan(0);
      expect(figures?.p99).toBeGreaterThan(0);
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('are judged by the slow ones among them', () => {
    const line = (seconds: number) => `2300 bytes (2.3 kB, 2.2 KiB) copied, ${seconds} s, 1 MB/s\n`;
    const output = [...Array.from({ length: 98 }, () => line(0.001)), line(0.05), line(2e-5)].join('');
    expect(parseSync(output)).toEqual({ writes: 100, p99: 1 });
    expect(parseSync([line(0.001), line(0.05)].join(''))).toEqual({ writes: 2, p99: 50 });
    expect(parseSync('dd: No space left on device')).toBeUndefined();
  });
});

describe('what a host says of itself', () => {
  it('is read from what the real script prints here', () => {
    const directory = temporary();
    mkdirSync(join(directory, 'data'));
    const { stdout } = runShell(factsScript({ ...wish, dataDirectory: join(directory, 'data') }));
    const facts = parseFacts(stdout);
    expect(facts.hostname).toBe(hostname());
    expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(facts.disk?.free).toBeGreaterThan(0);
  });

  it('tells who listens, units, certificates without keys, and names that do not resolve', () => {
    const path = standIns({
      ss: `cat <<'END'
LISTEN 0      4096         0.0.0.0:2379       0.0.0.0:*    users:(("nc",pid=77,fd=3))
LISTEN 0      4096            [::]:22            [::]:*    users:(("sshd",pid=1,fd=3),("systemd",pid=1,fd=40))
LISTEN 0      4096               *:9090             *:*
END`,
      systemctl: `case "$*" in
*MainPID\\ --value*) echo 0;;
*--failed*) echo 'nginx.service loaded failed failed A web server';;
*) printf 'Id=etcd2.service\\nLoadState=loaded\\nActiveState=failed\\nResult=exit-code\\nMainPID=0\\nNRestarts=3\\n\\nId=fleet.service\\nLoadState=not-found\\nActiveState=inactive\\nResult=success\\nMainPID=0\\nNRestarts=0\\n';;
esac`,
      getent: '[ "$2" != nowhere.example.org ]',
    });
    const directory = temporary();
    const { stdout } = runShell(
      factsScript({ ...wish, names: ['nowhere.example.org', 'localhost'], keys: [join(directory, 'none-key.pem')] }),
      { path },
    );
    const facts = parseFacts(stdout);
    expect(facts.listeners).toEqual([
      { address: '0.0.0.0', port: 2379, process: { name: 'nc', pid: 77 } },
      { address: '::', port: 22, process: { name: 'sshd', pid: 1 } },
      { address: '::', port: 9090, process: undefined },
    ]);
    expect(facts.units.get('etcd2.service')).toEqual({
      load: 'loaded',
      active: 'failed',
      result: 'exit-code',
      mainPid: 0,
      restarts: 3,
    });
    expect(facts.failedUnits).toEqual(['nginx.service']);
    expect(facts.unresolved).toEqual(['nowhere.example.org']);
    expect(facts.files).toEqual([{ path: join(directory, 'none-key.pem'), there: false, mode: 0 }]);
  });

  it('is refused where it is not whole', () => {
    expect(() => parseFacts('\x1ehost\ncore-01\n')).toThrow(RangeError);
  });
});
