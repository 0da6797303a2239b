/** What has been learnt of an answer so far, whichever API it comes over. */
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { StopReason, Usage } from "@pincer/plugin-sdk/message";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";

export interface Reading {
  /** Why the vendor stopped; `undefined` until it has said so. */
  stop: StopReason | undefined;
  usage: Usage;
  refused: boolean;
  /** What the vendor itself reported inside the stream. */
  failure: ModelFailure | undefined;
}

export const newReading = (): Reading => ({ stop: undefined, usage: tokenUsage({}), refused: false, failure: undefined });
