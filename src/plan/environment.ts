/**
 * The pairs of one `Environment=` line (systemd.exec(5)), without `Environment=`.
 *
 * coreos-cloudinit puts one pair into quotes and escapes nothing in it; people also write several pairs on a line.
 */
export function assignments(line: string): readonly (readonly [string, string])[] {
  const whole = /^"([A-Za-z0-9_]+)=(.*)"$/.exec(line);
  if (whole?.[1] !== undefined && whole[2] !== undefined && !/" ["'A-Z]/.test(line)) return [[whole[1], whole[2]]];
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.flatMap((word) => {
    const [, name, value] = /^["']?([A-Za-z0-9_]+)=(.*?)["']?$/.exec(word) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
}
