import { Writable } from 'node:stream';

/** A FAKE terminal that understands the codes a live display uses, and shows what a person would see. */
export class FakeTerminal extends Writable {
  readonly isTTY = true;
  readonly rows: number;
  readonly columns: number;
  cursorShown = true;
  /** Everything that was written. */
  raw = '';
  private readonly lines: string[] = [''];
  private row = 0;
  private column = 0;

  constructor(size: { rows?: number; columns?: number } = {}) {
    super({ decodeStrings: false });
    this.rows = size.rows ?? 24;
    this.columns = size.columns ?? 80;
  }

  /** The lines with colours left out, without the empty ones at the end. */
  get shown(): string[] {
    const lines = this.lines.map((line) => line.trimEnd());
    while (lines.length > 0 && lines.at(-1) === '') lines.pop();
    return lines;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = chunk.toString();
    this.raw += text;

    for (const [token, parameters, code] of text.matchAll(/\x1b\[([\d;?]*)([A-Za-z])|\x1b[78]|[^]/gu)) {
      if (code !== undefined) this.control(code, parameters ?? '');
      else this.put(token);
    }
    done();
  }

  private put(character: string): void {
    if (character === '\n') this.moveTo(this.row + 1, 0);
    else if (character === '\r') this.column = 0;
    else if (character >= ' ') {
      if (this.column === this.columns) this.moveTo(this.row + 1, 0);
      const line = (this.lines[this.row] ?? '').padEnd(this.column);
      this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + 1);
      this.column++;
    }
  }

  private moveTo(row: number, column: number): void {
    this.row = Math.max(0, row);
    this.column = column;
    while (this.lines.length <= this.row) this.lines.push('');
  }

  private control(code: string, parameters: string): void {
    const count = Number(parameters) || 1;
    const line = this.lines[this.row] ?? '';
    if (code === 'A') this.moveTo(this.row - count, this.column);
    else if (code === 'B') this.moveTo(this.row + count, this.column);
    else if (code === 'E') this.moveTo(this.row + count, 0);
    else if (code === 'F') this.moveTo(this.row - count, 0);
    else if (code === 'G') this.column = count - 1;
    else if (code === 'K') this.lines[this.row] = parameters === '2' ? '' : line.slice(0, this.column);
    else if (code === 'J') {
      this.lines[this.row] = line.slice(0, this.column);
      this.lines.length = this.row + 1;
    } else if (parameters === '?25') this.cursorShown = code === 'h';
    else if (code !== 'm' && !parameters.startsWith('?')) throw new Error(`the fake terminal does not know ${code}`);
  }
}
