/** Calls that `model.calling` refuses: of the wanted model that refuses the request, of another it is one reason among others. */
import { budgetRefusals } from "@pincer/plugin-sdk/contracts/budgets";
import { type GatewayError, hasCode } from "@pincer/plugin-sdk/error";
import type { Candidate, Walk } from "./walk.ts";

export class Refusals {
  readonly #walk: Pick<Walk, "refused" | "unavailable">;
  #first: GatewayError | undefined;

  constructor(walk: Pick<Walk, "refused" | "unavailable">) {
    this.#walk = walk;
  }

  isOne(error: unknown): error is GatewayError {
    return hasCode(error, "LLM_CALL_REFUSED");
  }

  /** Throws it where it refuses the whole request: nothing has failed yet, and another profile would be refused as well. */
  note(candidate: Candidate, error: GatewayError, failed: number): void {
    // A budget of one profile says nothing of the others.
    const isOfProfile = error.data?.["refusal"] === budgetRefusals.profileUsedUp;
    if (failed === 0 && !isOfProfile) throw error;
    this.#first ??= error;
    if (isOfProfile) this.#walk.refused(candidate, error.message);
    else this.#walk.unavailable(candidate.model, "unknown", error.message);
  }

  throwFirst(): void {
    if (this.#first) throw this.#first;
  }
}
