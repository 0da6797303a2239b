/** What frames say. An id belongs to the side that opened it and only grows, so that an answer that comes late is told from one to nothing. */
export const kinds = {
  /** `[target, params?]` */
  call: 1,
  /** `[target, credit, params?]` */
  stream: 2,
  ping: 3,
  /** What a call or a stream returned. */
  result: 4,
  item: 5,
  /** It threw what has a code. */
  error: 6,
  /** It threw anything else. */
  fault: 7,
  /** It threw its signal's reason, which is known where it was asked for. */
  aborted: 8,
  pong: 9,
  /** For more items: the credit that those had which were taken. */
  credit: 10,
  /** Asks to end, with why when that has a code. */
  abort: 11,
  /** Nobody reads the stream any more. */
  leave: 12,
} as const;

/** What an item takes of its stream's credit: one, and one more for each 16 KiB, so that 256 are 4 MiB of large ones. */
export const creditFor = (frameBytes: number): number => 1 + (frameBytes >>> 14);

/** More is no honest credit. */
export const mostCredit = 2 ** 31;

export const isCredit = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= mostCredit;
