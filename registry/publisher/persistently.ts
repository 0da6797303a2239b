/** Something that a server is asked to do, again where that may help: it was busy, or somebody of the same publisher was quicker. */
import { RegistryError, type RegistryErrorCode } from "../error.ts";
import type { SourceClock } from "../http-source.ts";

/** Nobody knows whether it was done. */
export class Unanswered extends RegistryError {
  /** How long the server asks to be left alone, in milliseconds; undefined: it has not said. */
  readonly waitMs: number | undefined;
  constructor(code: RegistryErrorCode, message: string, waitMs: number | undefined, options?: { readonly cause?: unknown }) {
    super(code, message, options);
    this.waitMs = waitMs;
  }
}

export interface Persistence {
  readonly clock: SourceClock;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onWait: (why: string, ms: number) => void;
}

/** Attempts, however they failed. */
const attempts = 8;
const pauseMs = 500;
const longestWaitMs = 120_000;

/** `step` looks each time at what is there now: an earlier one may have arrived without an answer. Throws what the last one has thrown. */
export async function persistently<Done>({ clock, signal, onWait }: Persistence, step: () => Promise<Done>): Promise<Done> {
  for (let attempt = 0; ; attempt++)
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof RegistryError) || attempt === attempts - 1) throw error;
      if (error.code === "REGISTRY_LIST_CHANGED") continue;
      if (!(error instanceof Unanswered)) throw error;
      const waitMs = error.waitMs ?? pauseMs * 2 ** attempt;
      if (waitMs > longestWaitMs) throw error;
      onWait(error.message, waitMs);
      await clock.sleep(waitMs, signal);
    }
}
