/** How fast a scripted answer comes, written in the message that asks for it, so that a model anywhere can follow it. */
export interface Pace {
  /** Milliseconds before the first piece, and between two. */
  readonly firstMs: number;
  readonly stepMs: number;
  readonly pieces: number;
}

/** All at once. */
export const instant: Pace = { firstMs: 0, stepMs: 0, pieces: 20 };

export const paceText = ({ firstMs, stepMs, pieces }: Pace): string => `pace=${firstMs},${stepMs},${pieces}`;

export function readPace(text: string): Pace {
  const found = [...text.matchAll(/pace=(\d+),(\d+),(\d+)/g)].at(-1);
  return found ? { firstMs: Number(found[1]), stepMs: Number(found[2]), pieces: Number(found[3]) } : instant;
}

/** A piece carries when it was sent, in milliseconds since the epoch, so that whoever reads it knows its age. */
export const pieceAt = (sentAt: number): string => `t${sentAt.toFixed(2)} `;

/** When the pieces of a text were sent, oldest first. */
export const sentTimes = (text: string): number[] => [...text.matchAll(/t(\d+\.\d+) /g)].map(([, at]) => Number(at));
