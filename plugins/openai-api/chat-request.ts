/** The body of `POST /v1/chat/completions`. What is not named here is taken and does nothing; what would change the answer is refused. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { listOf, ModelName, requireShallow, requireShape } from "./body.ts";
import { badRequest, unsupported } from "./failure.ts";

const maybe = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]));
const text = Type.String();

const TextPart = Type.Object({ type: Type.Literal("text"), text });
const RefusalPart = Type.Object({ type: Type.Literal("refusal"), refusal: text });
const ImagePart = Type.Object({ type: Type.Literal("image_url"), image_url: Type.Object({ url: text }) });
const FilePart = Type.Object({
  type: Type.Literal("file"),
  file: Type.Object({ file_data: maybe(text), filename: maybe(text), file_id: maybe(text) }),
});
const UserPart = Type.Union([TextPart, ImagePart, FilePart]);
export type UserPart = Static<typeof UserPart>;

const Texts = Type.Union([text, listOf(TextPart)]);
const ToolCall = Type.Object({
  id: text,
  type: Type.Optional(Type.Literal("function")),
  function: Type.Object({ name: text, arguments: text }),
});
const messages = {
  system: Type.Object({ role: Type.Literal("system"), content: Texts }),
  developer: Type.Object({ role: Type.Literal("developer"), content: Texts }),
  user: Type.Object({ role: Type.Literal("user"), content: Type.Union([text, listOf(UserPart)]) }),
  assistant: Type.Object({
    role: Type.Literal("assistant"),
    content: maybe(Type.Union([text, listOf(Type.Union([TextPart, RefusalPart]))])),
    refusal: maybe(text),
    tool_calls: maybe(listOf(ToolCall)),
  }),
  tool: Type.Object({ role: Type.Literal("tool"), tool_call_id: text, content: Texts }),
};
const ChatMessage = Type.Union(Object.values(messages));
export type ChatMessage = Static<(typeof messages)[keyof typeof messages]>;

/** As every vendor takes it. */
const ToolName = Type.String({ pattern: "^[a-zA-Z0-9_-]{1,64}$" });
const Tool = Type.Object({
  type: Type.Literal("function"),
  function: Type.Object({
    name: ToolName,
    description: maybe(text),
    parameters: maybe(Type.Object({})),
    strict: maybe(Type.Boolean()),
  }),
});
const ResponseFormat = Type.Union([
  Type.Object({ type: Type.Union([Type.Literal("text"), Type.Literal("json_object")]) }),
  Type.Object({
    type: Type.Literal("json_schema"),
    json_schema: Type.Object({
      name: text,
      description: maybe(text),
      schema: Type.Optional(Type.Object({})),
      strict: maybe(Type.Boolean()),
    }),
  }),
]);

export const Effort = Type.Union([
  Type.Literal("none"),
  Type.Literal("minimal"),
  Type.Literal("low"),
  Type.Literal("medium"),
  Type.Literal("high"),
  Type.Literal("xhigh"),
  Type.Literal("max"),
]);

const ChatRequest = Type.Object({
  model: ModelName,
  messages: listOf(ChatMessage, { minItems: 1 }),
  stream: maybe(Type.Boolean()),
  stream_options: maybe(Type.Object({ include_usage: maybe(Type.Boolean()) })),
  n: maybe(Type.Integer({ minimum: 1, maximum: 128 })),
  max_tokens: maybe(Type.Integer({ minimum: 1 })),
  max_completion_tokens: maybe(Type.Integer({ minimum: 1 })),
  temperature: maybe(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: maybe(Type.Number({ minimum: 0, maximum: 1 })),
  stop: maybe(Type.Union([text, listOf(text)])),
  seed: maybe(Type.Integer()),
  presence_penalty: maybe(Type.Number({ minimum: -2, maximum: 2 })),
  frequency_penalty: maybe(Type.Number({ minimum: -2, maximum: 2 })),
  logprobs: maybe(Type.Boolean()),
  top_logprobs: maybe(Type.Integer({ minimum: 0, maximum: 20 })),
  tools: maybe(listOf(Tool)),
  tool_choice: maybe(
    Type.Union([
      Type.Literal("none"),
      Type.Literal("auto"),
      Type.Literal("required"),
      Type.Object({ type: Type.Literal("function"), function: Type.Object({ name: ToolName }) }),
    ]),
  ),
  parallel_tool_calls: maybe(Type.Boolean()),
  response_format: maybe(ResponseFormat),
  reasoning_effort: maybe(Effort),
  user: maybe(text),
  safety_identifier: maybe(text),
  prompt_cache_key: maybe(text),
});
export type ChatRequest = Omit<Static<typeof ChatRequest>, "messages"> & { readonly messages: readonly ChatMessage[] };

const REFUSED: readonly (readonly [name: string, why: string])[] = Object.entries({
  functions: "it is the form of old; name the functions in 'tools'",
  function_call: "it is the form of old; use 'tool_choice'",
  audio: "answers are text here",
  web_search_options: "no model here searches by itself; an agent does, with its tools",
  logit_bias: "tokens cannot be weighed here",
});
/** What means the same as if it were not there. */
const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);

/** Throws an `ApiFailure` that names the parameter. */
export async function readChatRequest(body: Readonly<Record<string, unknown>>): Promise<ChatRequest> {
  for (const [name, why] of REFUSED) if (!isNothing(body[name])) throw unsupported(name, why);
  const request = await requireShape(ChatRequest, body);
  for (const [at, tool] of (request.tools ?? []).entries()) requireShallow(tool.function.parameters, `tools[${at}].function.parameters`);
  requireShallow(request.response_format, "response_format");
  if (request.top_logprobs && request.logprobs !== true)
    throw badRequest("'top_logprobs' is for 'logprobs': true alone.", "top_logprobs", "invalid_value");
  return request as ChatRequest;
}
