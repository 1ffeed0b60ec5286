import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { access } from 'node:fs/promises';
import { requireIsolation } from '../lab/isolation.js';
import { TestProject } from '../lab/project.js';
import { trace } from '../lab/trace.js';
import type { StatusDocument, UpDocument } from '../lab/shapes.js';

describe('clusters of different sizes', () => {
  let project: TestProject | undefined;

  beforeAll(requireIsolation);
  afterEach(() => project?.dispose());

  it.each([1, 9])('%i: comes up, is healthy, and leaves nothing behind when it is destroyed', async (size) => {
    const before = await trace();
    project = await TestProject.create(`{ cluster_name: 'e2e-size', num_instances: ${size} }`);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status.healthy).toBe(true);
    expect(status.etcd.members).toHaveLength(size);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });

    expect(await project.coreup(['destroy', '--yes'])).toMatchObject({ code: 0 });
    expect(await trace()).toEqual(before);
    await expect(access(`${project.dataDir}/clusters`)).rejects.toThrow('ENOENT');
    await expect(access(`${project.directory}/.coreup`)).rejects.toThrow('ENOENT');
    await expect(access(`${project.directory}/user-data-1`)).rejects.toThrow('ENOENT');
  });

  it('Debian 13: etcd 3.5 comes up as well', async () => {
    project = await TestProject.create(
      `{ cluster_name: 'e2e-trixie', num_instances: 3, provider: { kind: 'local', suite: 'trixie' } }`,
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status.healthy).toBe(true);
    for (const member of status.etcd.members) expect(member.version).toMatch(/^3\.5\./);
  });
});
