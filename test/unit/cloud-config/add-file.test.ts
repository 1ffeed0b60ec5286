import { describe, expect, it } from '@jest/globals';
import { addFile } from '../../../src/cloud-config/add-file.js';
import { readUserData } from '../../../src/cloud-config/read-user-data.js';
import { InputError } from '../../../src/util/errors.js';

const PATH = '/etc/systemd/system/etcd2.service.d/30-coreup.conf';
const LINES = ['[Service]', 'Environment="A=b"'];

const BASES = {
  'no list': 'hostname: a\n',
  'no list, no final line break': 'hostname: a',
  'a list': 'write_files:\n  - path: /a\n    content: |\n      x\n      y\nhostname: a\n',
  'a list that is not indented': 'write_files:\n- path: /a\n  content: x\n',
  'a list at the end, without final line break':
    'hostname: a\nwrite_files:\n    - path: /a\n      content: |\n        x',
  'another spelling': 'write-files:\n  - path: /a\n    content: x\n',
  'an empty value': 'write_files:\nhostname: a\n',
  'an empty list': 'write_files: []\nhostname: a\n',
  'a text at the end that has no line break': 'hostname: a\nssh_authorized_keys:\n  - |\n    key',
  'a document end': 'hostname: a\n...\n',
  'only comments': '# nothing\n',
};

function files(text: string): [string, string][] {
  const { state } = readUserData({ file: 'user-data', text }, { vars: {}, hostname: 'a' });
  return state.files.map((file) => [file.path, Buffer.from(file.content).toString()]);
}

describe('addFile', () => {
  it.each(Object.entries(BASES))('adds to a document with %s, and changes nothing else', (_, body) => {
    for (const base of [body, body.replaceAll('\n', '\r\n')]) {
      const text = `#cloud-config\n${base}`;
      const added = addFile(text, 'user-data', PATH, LINES);
      const [mine, ...others] = files(added).sort(([a], [b]) => (a === PATH ? -1 : b === PATH ? 1 : 0));
      expect(mine).toEqual([PATH, '[Service]\nEnvironment="A=b"\n']);
      expect(others).toEqual(files(text));
    }
  });

  it.each([
    'write_files: [{path: /a, content: x}]\n',
    '{hostname: a}\n',
    'write_files: {path: /a}\n',
    'a: &x [{path: /a}]\nwrite_files: *x\n',
  ])('refuses what it cannot add to: %j', (body) => {
    expect(() => addFile(`#cloud-config\n${body}`, 'user-data', PATH, LINES)).toThrow(InputError);
  });
});
