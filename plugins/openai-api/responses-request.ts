/** The body of `POST /v1/responses`. What is not named here is taken and does nothing; what would change the answer is refused. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { listOf, ModelName, requireShallow, requireShape } from "./body.ts";
import { Effort } from "./chat-request.ts";
import { badRequest, unsupported } from "./failure.ts";

const maybe = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]));
const text = Type.String();
/** Of something that was made here. */
const id = Type.String({ maxLength: 256 });

const parts = {
  input_text: Type.Object({ type: Type.Literal("input_text"), text }),
  output_text: Type.Object({ type: Type.Literal("output_text"), text }),
  refusal: Type.Object({ type: Type.Literal("refusal"), refusal: text }),
  input_image: Type.Object({ type: Type.Literal("input_image"), image_url: maybe(text), file_id: maybe(text) }),
  input_file: Type.Object({
    type: Type.Literal("input_file"),
    file_data: maybe(text),
    filename: maybe(text),
    file_id: maybe(text),
    file_url: maybe(text),
  }),
};
export type InputPart = Static<(typeof parts)[keyof typeof parts]>;
const Content = Type.Union([text, listOf(Type.Union(Object.values(parts)))]);

const role = Type.Union([Type.Literal("user"), Type.Literal("assistant"), Type.Literal("system"), Type.Literal("developer")]);
const items = {
  message: Type.Object({ type: Type.Optional(Type.Literal("message")), role, content: Content }),
  function_call: Type.Object({ type: Type.Literal("function_call"), call_id: text, name: text, arguments: text }),
  function_call_output: Type.Object({ type: Type.Literal("function_call_output"), call_id: text, output: Content }),
  reasoning: Type.Object({
    type: Type.Literal("reasoning"),
    summary: Type.Optional(listOf(Type.Object({ text }))),
    encrypted_content: maybe(text),
  }),
  item_reference: Type.Object({ type: Type.Literal("item_reference"), id }),
};
const Item = Type.Union(Object.values(items));
export type InputItem = Static<(typeof items)[keyof typeof items]>;

const ToolName = Type.String({ pattern: "^[a-zA-Z0-9_-]{1,64}$" });
const Tool = Type.Object({
  type: Type.Literal("function"),
  name: ToolName,
  description: maybe(text),
  parameters: maybe(Type.Object({})),
  strict: maybe(Type.Boolean()),
});
const Format = Type.Union([
  Type.Object({ type: Type.Union([Type.Literal("text"), Type.Literal("json_object")]) }),
  Type.Object({
    type: Type.Literal("json_schema"),
    name: text,
    description: maybe(text),
    schema: Type.Object({}),
    strict: maybe(Type.Boolean()),
  }),
]);

const ResponsesRequest = Type.Object({
  model: ModelName,
  input: Type.Union([text, listOf(Item)]),
  instructions: maybe(text),
  previous_response_id: maybe(id),
  stream: maybe(Type.Boolean()),
  background: maybe(Type.Boolean()),
  store: maybe(Type.Boolean()),
  include: maybe(listOf(text)),
  max_output_tokens: maybe(Type.Integer({ minimum: 1 })),
  temperature: maybe(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: maybe(Type.Number({ minimum: 0, maximum: 1 })),
  top_logprobs: maybe(Type.Integer({ minimum: 0, maximum: 20 })),
  tools: maybe(listOf(Tool)),
  tool_choice: maybe(
    Type.Union([
      Type.Literal("none"),
      Type.Literal("auto"),
      Type.Literal("required"),
      Type.Object({ type: Type.Literal("function"), name: ToolName }),
    ]),
  ),
  parallel_tool_calls: maybe(Type.Boolean()),
  text: maybe(Type.Object({ format: maybe(Format) })),
  reasoning: maybe(Type.Object({ effort: maybe(Effort), summary: maybe(text) })),
  /** Looked at by hand: a schema reads all of a million names before it refuses them. */
  metadata: maybe(Type.Unsafe<Readonly<Record<string, string>>>(Type.Object({}))),
  user: maybe(text),
  safety_identifier: maybe(text),
  prompt_cache_key: maybe(text),
});
export type ResponsesRequest = Omit<Static<typeof ResponsesRequest>, "input"> & { readonly input: string | readonly InputItem[] };

const REFUSED: Readonly<Record<string, string>> = {
  conversation: "conversations are not kept here; go on with 'previous_response_id'",
  prompt: "prompts are not kept here; send 'instructions'",
};

/** Throws an `ApiFailure` that names the parameter. */
export async function readResponsesRequest(body: Readonly<Record<string, unknown>>): Promise<ResponsesRequest> {
  for (const [name, why] of Object.entries(REFUSED)) if (body[name] !== undefined && body[name] !== null) throw unsupported(name, why);
  refuseTools(body["tools"]);
  const request = (await requireShape(ResponsesRequest, body)) as ResponsesRequest;
  for (const [at, tool] of (request.tools ?? []).entries()) requireShallow(tool.parameters, `tools[${at}].parameters`);
  requireShallow(request.text?.format, "text.format");
  requireMetadata(request.metadata ?? {});
  if (request.background === true && request.store === false)
    throw badRequest("A response in the background is stored: 'store' cannot be false with 'background'.", "store", "invalid_value");
  return request;
}

/** More than OpenAI keeps. */
const mostMetadata = 64;

function requireMetadata(metadata: Readonly<Record<string, unknown>>): void {
  let count = 0;
  for (const name in metadata) {
    if (++count > mostMetadata)
      throw badRequest(`Invalid value for 'metadata': at most ${mostMetadata} pairs are kept.`, "metadata", "invalid_value");
    if (typeof metadata[name] !== "string")
      throw badRequest(`Invalid value for 'metadata.${name}': expected string.`, `metadata.${name}`, "invalid_value");
  }
}

function refuseTools(tools: unknown): void {
  if (!Array.isArray(tools)) return;
  for (const [at, tool] of tools.entries()) {
    const type = (tool as { type?: unknown } | null)?.type;
    if (typeof type === "string" && type !== "function") {
      throw unsupported(`tools[${at}].type`, `'${type}' runs at OpenAI; here a caller runs its own functions, and an agent its own tools`);
    }
  }
}
