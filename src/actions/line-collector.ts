import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Keeps everything and hands on whole lines. */
export class LineCollector extends Writable {
  private readonly chunks: Buffer[] = [];
  /** A character may be cut in two by the network. */
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    const lines = (this.rest + this.decoder.write(chunk)).split('\n');
    this.rest = lines.pop() ?? '';
    lines.forEach((line) => this.onLine(line));
    done();
  }

  /** Hands on what is left without a line end. @returns everything that was written */
  finish(): string {
    const last = this.rest + this.decoder.end();
    if (last !== '') this.onLine(last);
    this.rest = '';
    return Buffer.concat(this.chunks).toString();
  }
}
