/** Bytes as text (UTF-8), without copying them first as `Buffer.from` does. */
export function textOf({ buffer, byteOffset, byteLength }: Uint8Array, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString(encoding);
}
