/** What goes wrong at vendors: instead of an answer, and behind its first words, in the events of each API. */
import type { FailureClass } from "@pincer/plugin-sdk/contracts/provider";
import { sse } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import type { Api } from "./vendor.ts";

export interface Fault {
  readonly name: string;
  /** Instead of an answer. */
  readonly before: VendorAnswer;
  readonly class: FailureClass;
  /** An error event of each API; a way to end the stream. */
  readonly within: Readonly<Record<Api, readonly [data: unknown, is: FailureClass]>> | NonNullable<VendorAnswer["end"]>;
}

const http = (status: number, message: string, more: Partial<NonNullable<VendorAnswer["error"]>> = {}): VendorAnswer => ({
  error: { status, message, ...more },
});
/** OpenAI's two APIs have a code; proxies send the status itself. Anthropic's has a type. */
const told = (
  code: string | number,
  is: FailureClass,
  type: string,
  message = `it says ${code}`,
  typed = is,
): Exclude<Fault["within"], string> => ({
  chat: [{ error: { code, message } }, is],
  responses: [{ type: "error", code, message }, is],
  messages: [{ type: "error", error: { type, message } }, typed],
});

export const faults: readonly Fault[] = [
  {
    ...{ name: "401", before: http(401, "Incorrect API key provided"), class: "auth" },
    within: told("invalid_api_key", "auth", "authentication_error"),
  },
  { name: "403", before: http(403, "no access to this model"), class: "auth", within: told(403, "auth", "permission_error") },
  {
    name: "402, no credit",
    before: http(402, "Insufficient credits"),
    class: "billing",
    within: told("insufficient_quota", "billing", "billing_error"),
  },
  {
    ...{ name: "429 with Retry-After", before: http(429, "slow down", { headers: { "retry-after": "30" } }), class: "rate-limit" },
    within: told("rate_limit_exceeded", "rate-limit", "rate_limit_error"),
  },
  { name: "429 without", before: http(429, "slow down"), class: "rate-limit", within: told(429, "rate-limit", "rate_limit_error") },
  { name: "500", before: http(500, "oops"), class: "network", within: told("server_error", "network", "api_error") },
  { name: "502", before: http(502, "bad gateway"), class: "network", within: told(502, "network", "api_error") },
  { name: "503", before: http(503, "busy"), class: "overloaded", within: told("server_overloaded", "overloaded", "overloaded_error") },
  { name: "529", before: http(529, "busy"), class: "overloaded", within: told(529, "overloaded", "overloaded_error") },
  { name: "a reset", before: { end: "reset" }, class: "network", within: "reset" },
  {
    name: "a timeout",
    before: { ...http(500, "never sent"), hold: { before: 0, until: new Promise(() => undefined) } },
    class: "timeout",
    within: "hang",
  },
  {
    name: "a conversation that is too long",
    before: http(400, "prompt is too long: maximum context length is 8192 tokens"),
    class: "context-overflow",
    within: told("context_length_exceeded", "context-overflow", "invalid_request_error", "too long", "bad-request"),
  },
  {
    name: "a bad request",
    before: http(400, "Unknown parameter"),
    class: "bad-request",
    within: told(400, "bad-request", "invalid_request_error"),
  },
  {
    name: "an image that cannot be used",
    before: http(400, "could not process image"),
    class: "image",
    within: told("image_parse_error", "image", "invalid_request_error", "an image", "bad-request"),
  },
];

export const classWithin = ({ within, class: plain }: Fault, api: Api): FailureClass =>
  typeof within === "string" ? plain : within[api][1];

/** The events of an answer up to its first words, and then the fault. */
export const breaking = ({ within }: Fault, api: Api, opening: readonly string[], read: Promise<void>): VendorAnswer => {
  if (typeof within === "string") return { raw: opening, end: within, hold: { before: 1, until: read } };
  const [data] = within[api];
  return { raw: [...opening, sse(data, api === "chat" ? undefined : "error")], end: "close" };
};
