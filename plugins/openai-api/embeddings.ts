/** `POST /v1/embeddings`. */
import { Type } from "@sinclair/typebox";
import { ModelName, readJson, requireShape } from "./body.ts";
import type { Caller } from "./caller.ts";
import type { Desk } from "./desk.ts";
import { ApiFailure, badRequest, failureOfModel, noModelAdmitted } from "./failure.ts";
import { jsonAnswer } from "./json-answer.ts";
import { targetOf } from "./target.ts";

const EmbeddingsRequest = Type.Object({
  model: ModelName,
  input: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 2048 })]),
  encoding_format: Type.Optional(Type.Union([Type.Literal("float"), Type.Literal("base64"), Type.Null()])),
  user: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  dimensions: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
});

export async function embeddings({ ctx, inFlight }: Desk, request: Request, caller: Caller): Promise<Response> {
  caller.require("operator.write");
  using place = inFlight.take(caller.principal);
  const given = await readJson(request);
  const { input } = given;
  if (Array.isArray(input) && input.some((one) => typeof one === "number" || Array.isArray(one)))
    throw badRequest("Invalid value for 'input': text was expected; tokens mean something to one model alone.", "input", "invalid_value");
  const body = await requireShape(EmbeddingsRequest, given);
  if (targetOf(body.model, request.headers).kind === "agent")
    throw badRequest(`'${body.model}' is an agent, which makes no embeddings; name a provider's model.`, "model");
  const { embed } = ctx.uses.llm;
  if (embed === undefined)
    throw new ApiFailure("embeddings_unavailable", "Embeddings are not to be had: what routes models here hands none on.", {
      headers: { "x-should-retry": "false" },
    });
  const texts = typeof body.input === "string" ? [body.input] : body.input;
  const { dimensions } = body;
  const call = {
    model: body.model,
    input: texts,
    user: caller.account(body.user),
    ...(typeof dimensions === "number" ? { dimensions } : {}),
  };
  const chosen = { model: body.model, by: "message" as const };
  const selection = await ctx.uses.selector?.select({ text: texts.join("\n\n"), chosen }, { signal: request.signal });
  if (selection?.refused !== undefined) throw noModelAdmitted(selection.refused);
  const { embeddings: vectors, usage, failure } = await embed(call, { signal: request.signal });
  if (failure) throw failureOfModel(failure, "input");
  const shown = body.encoding_format === "base64" ? base64Of : (vector: readonly number[]) => vector;
  const answer = {
    object: "list",
    data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: shown(vector) })),
    model: body.model,
    usage: { prompt_tokens: usage.input, total_tokens: usage.totalTokens },
  };
  return jsonAnswer(answer, place);
}

/** 32-bit floats, little end first. */
function base64Of(vector: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [at, value] of vector.entries()) bytes.setFloat32(at * 4, value, true);
  return Buffer.from(bytes.buffer).toString("base64");
}
