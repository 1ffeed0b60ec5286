/** What the header of an ELF program says that decides where it runs. */
export interface ElfFacts {
  /** As `uname -m` names it; `ELF machine N` for what is not known here. */
  readonly machine: string;
  /** Path of the loader (PT_INTERP) of a dynamically linked program. */
  readonly interpreter?: string;
}

/** e_machine → the name that the kernel gives to the same thing (elf(5), uname(2)). */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'i686',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64le',
  22: 's390x',
  40: 'armv7l',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
};
const EXECUTABLE = 2;
const SHARED = 3;
const INTERPRETER = 3;

/**
 * Reads an ELF header (elf(5)): 32 and 64 bits, both byte orders.
 *
 * @returns undefined for what is no ELF program, or is cut off
 */
export function readElf(bytes: Uint8Array): ElfFacts | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const wide = file[4] === 2;
  const little = file[5] === 1;
  const half = (at: number): number => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const word = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const long = (at: number): number =>
    wide ? Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at)) : word(at);
  const type = half(16);
  if (type !== EXECUTABLE && type !== SHARED) return undefined;
  const machine = MACHINES[half(18)] ?? `ELF machine ${half(18)}`;
  const [table, size, count] = wide ? [long(32), half(54), half(56)] : [long(28), half(42), half(44)];
  try {
    let interpreter: string | undefined;
    for (let at = table; at < table + size * count; at += size) {
      const [start, length] = wide ? [long(at + 8), long(at + 32)] : [long(at + 4), long(at + 16)];
      if (start + length > file.length) return undefined;
      if (word(at) === INTERPRETER) interpreter = file.toString('latin1', start, start + length).replace(/\0.*$/s, '');
    }
    return interpreter === undefined ? { machine } : { machine, interpreter };
  } catch {
    return undefined;
  }
}
