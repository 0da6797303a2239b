/** What a caller asks of an answer's form, in the words of Chat Completions, and the probabilities that come with it. */
import type { ModelRequest, TokenLogprob } from "../contracts/provider.ts";

type Json = Record<string, unknown>;

/** What is `undefined` is not sent. */
export function chatShape(request: ModelRequest): object {
  const { toolChoice, parallelTools, tools, responseFormat, logprobs, stop, seed, presencePenalty, frequencyPenalty } = request;
  return {
    tool_choice: toolChoice === undefined || typeof toolChoice === "string" ? toolChoice : { type: "function", function: toolChoice },
    parallel_tool_calls: tools.length === 0 ? undefined : parallelTools,
    response_format: responseFormat && chatFormat(responseFormat),
    stop,
    seed,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    logprobs: logprobs === undefined ? undefined : true,
    top_logprobs: logprobs || undefined,
  };
}

function chatFormat(format: NonNullable<ModelRequest["responseFormat"]>) {
  if (format.type === "json") return { type: "json_object" as const };
  const { type: _, ...schema } = format;
  return { type: "json_schema" as const, json_schema: { ...schema, schema: schema.schema as Json } };
}

/** A token's probability; a list of them is all or nothing. */
interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
  readonly top_logprobs?: readonly (Pick<Logprob, "token" | "logprob" | "bytes"> | null)[] | null;
}

const isNumbers = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(Number.isInteger);
const isLogprob = (value: Partial<Logprob> | null): value is Logprob =>
  typeof value?.token === "string" && typeof value.logprob === "number" && Number.isFinite(value.logprob);
const plain = ({ token, logprob, bytes }: Pick<Logprob, "token" | "logprob" | "bytes">) => ({
  token,
  logprob,
  bytes: isNumbers(bytes) ? [...bytes] : null,
});

/** What a server sends is checked by nobody before. */
export function tokenLogprobs(given: unknown): readonly TokenLogprob[] {
  if (!Array.isArray(given) || !given.every(isLogprob)) return [];
  return given.map((one) => ({ ...plain(one), top: Array.isArray(one.top_logprobs) ? one.top_logprobs.filter(isLogprob).map(plain) : [] }));
}
