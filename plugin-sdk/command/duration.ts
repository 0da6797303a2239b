/** In its largest unit that is not less than one: `3 h`. */
export function duration(ms: number): string {
  const step = Object.entries({ d: 86_400_000, h: 3_600_000, min: 60_000, s: 1000 }).find(([, size]) => ms >= size);
  return step ? `${Math.floor(ms / step[1])} ${step[0]}` : `${Math.round(ms)} ms`;
}
