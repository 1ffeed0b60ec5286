/** The data types of the SSH protocol (RFC 4251, section 5). */

export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** A length-prefixed string. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Takes values off some bytes, one after the other. Whatever is not there is a RangeError. */
export class WireReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** How many bytes have been taken. */
  get position(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at === this.bytes.length;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.bytes.length) throw new RangeError('the data ends too early');
    return this.bytes.subarray(this.#at, (this.#at += length));
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString('latin1');
  }

  /** The bytes of a whole number that is not negative, without leading zeros. */
  mpint(): Buffer {
    const bytes = this.string();
    const from = bytes.findIndex((byte) => byte !== 0);
    return from < 0 ? Buffer.alloc(0) : bytes.subarray(from);
  }

  /** A comma-separated list. */
  names(): string[] {
    return this.text().split(',');
  }
}
