/** What Ollama answers instead, and what it reports inside a stream, in the classes of the `provider` contract. */
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { apiErrorOf, failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { classOfStatus, classOfWords, plainMessage } from "@pincer/plugin-sdk/provider/failure";

/** A line of a stream that tells of an error. */
export interface FaultLine {
  readonly error?: unknown;
  readonly status?: unknown;
}

/** A model that fell over may well stand the next time. */
export function lineFailure({ error, status }: FaultLine): ModelFailure {
  const message = typeof error === "string" && error !== "" ? error : "the server reports an error, and not which";
  const known = typeof status === "number" && status >= 400 ? classOfStatus(status) : "network";
  return { class: classOfWords(message) ?? known, message: plainMessage(message) };
}

/** `ref` is the model as `endpoint/model`. */
export function ollamaFailure(error: unknown, where: string, ref: string, now: number): ModelFailure {
  const failure = failureOf(error, where, now);
  const { status, error: told } = apiErrorOf(error);
  if (status === 404 && /not found/i.test(failure.message)) {
    return { ...failure, message: `${failure.message}; fetch it with: pincer models pull ${ref}` };
  }
  // Models of the vendor's cloud want somebody to have signed in on the server.
  const { signin_url: page } = (told ?? {}) as { readonly signin_url?: unknown };
  return typeof page === "string" ? { ...failure, message: `${failure.message}: sign in at ${page}` } : failure;
}
