/** What every part of the bench is given, and answers with. */
import type { Figure } from "./figures.ts";
import type { Installation } from "./installation.ts";

interface BenchOptions {
  /** Seconds that one measurement takes. */
  readonly seconds: number;
  /** Absent in a run against another gateway. */
  readonly installation: () => Promise<Installation>;
}

/** A gateway somewhere that speaks the protocol. */
export interface Against {
  readonly url: string;
  readonly token: string;
  /** When it runs on this machine: then what it costs is measured too. */
  readonly pid?: number;
  /** Takes parameters that any gateway accepts, and costs it little. */
  readonly method: string;
  readonly params: unknown;
}

export type Part = (options: BenchOptions) => Promise<readonly Figure[]>;
