/** Errors of AWS's library in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { httpFailure, networkFailure, plainMessage } from "@pincer/plugin-sdk/provider/failure";

/** What the library's exceptions carry; told by their parts, since there may be more than one copy of a class. */
interface ServiceError {
  readonly name?: string;
  readonly $fault?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly originalMessage?: string;
  /** Of `handler.ts`. */
  readonly isUnreached?: boolean;
}

/** Its status alone would tell otherwise, or there is none: an exception inside a stream. */
const NAMES: Readonly<Record<string, FailureClass>> = {
  ThrottlingException: "rate-limit",
  ServiceQuotaExceededException: "rate-limit",
  ModelNotReadyException: "overloaded",
  ServiceUnavailableException: "overloaded",
  ModelTimeoutException: "timeout",
  InternalServerException: "network",
  ModelErrorException: "network",
  ModelStreamErrorException: "network",
  UnrecognizedClientException: "auth",
  InvalidSignatureException: "auth",
  SignatureDoesNotMatch: "auth",
  IncompleteSignatureException: "auth",
  MissingAuthenticationTokenException: "auth",
  InvalidClientTokenId: "auth",
  ExpiredTokenException: "auth",
  ExpiredToken: "auth",
  // Before anything was sent: nothing, or nothing valid any more, to sign with.
  CredentialsProviderError: "auth",
  TokenProviderError: "auth",
};

/** A credential that is good, and does not lead to this one model: another may, and it stays in use for the others. */
const NO_ACCESS = /access to the model|model access is denied|not authorized to perform: bedrock:InvokeModel/i;
const UNPAID = /INVALID_PAYMENT_INSTRUMENT|payment instrument/i;

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const carried = (typeof error === "object" && error !== null ? error : {}) as ServiceError;
  const { name = "", $fault, $metadata, $response } = carried;
  const message = plainMessage(carried.originalMessage ?? errorMessage(error));
  if (carried.isUnreached) return { class: "network", message };
  const status = $metadata?.httpStatusCode;
  const known = classOf(name, message);
  if (status !== undefined && status >= 300) {
    const failure = httpFailure(status, message, { class: known, headers: new Headers($response?.headers), now });
    // AWS says 403 of a credential that it does not take, and also of a model that a good one may not ask.
    return NAMES[name] === "auth" ? { ...failure, credentialRefused: true } : failure;
  }
  if (known !== undefined) return { class: known, message };
  return $fault === undefined ? networkFailure(error, where) : httpFailure(400, message, { now });
}

function classOf(name: string, message: string): FailureClass | undefined {
  if (name !== "AccessDeniedException") return NAMES[name];
  if (UNPAID.test(message)) return "billing";
  return NO_ACCESS.test(message) ? "unknown" : "auth";
}

/** Signed properly, and known there: only the list is not for this one to see. */
export const isKnownThere = (error: unknown): boolean =>
  (error as ServiceError | undefined)?.name === "AccessDeniedException" &&
  /not authorized to perform: bedrock:List/i.test(errorMessage(error));

/** Some models call tools in an answer of one piece alone. */
export const wantsWhole = (error: unknown): boolean =>
  (error as ServiceError | undefined)?.name === "ValidationException" && /tool use in streaming mode/i.test(errorMessage(error));
