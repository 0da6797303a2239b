/** `pincer/auto`: the model that the selector says, straight, as if the caller had named it. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import { holds, type Message, searchableText } from "@pincer/plugin-sdk/message";
import { ApiFailure } from "./failure.ts";
import type { Target } from "./target.ts";
import type { ApiContext } from "./uses.ts";

export const AUTO = "pincer/auto";

/** Whether that name is the selector's: with none, and where an agent is called so, it is an agent's. */
export async function hasAuto({ uses }: Pick<ApiContext, "uses">, signal: AbortSignal): Promise<boolean> {
  if (uses.selector === undefined) return false;
  const { agents } = await uses.router.agents({}, { signal });
  return agents.every(({ id }) => id !== "auto");
}

export const targetOrAuto = async (ctx: Pick<ApiContext, "uses">, model: string, target: Target, signal: AbortSignal): Promise<Target> =>
  model === AUTO && (await hasAuto(ctx, signal)) ? { kind: "model", model } : target;

const bytesPerToken = 3.6;

/** What a model asked of tools, as it is sent back. */
const callsOf = ({ role, content }: Message): string =>
  role === "assistant" ? content.flatMap((block) => (block.type === "toolCall" ? [JSON.stringify(block.arguments)] : [])).join("\n") : "";

/** The call with its model; any other than `pincer/auto` as it stands. What is private is looked for in all that the caller sends. */
export async function withModel({ uses }: Pick<ApiContext, "uses">, call: LlmRequest, signal: AbortSignal): Promise<LlmRequest> {
  const { model, ...rest } = call;
  if (model !== AUTO || uses.selector === undefined) return call;
  const last = rest.messages.findLastIndex(({ role }) => role === "user");
  const earlier = rest.messages.flatMap((message, at) => (at === last ? [] : [searchableText(message), callsOf(message)]));
  const asked = rest.messages[last];
  const tools = rest.tools.map((tool) => JSON.stringify(tool));
  const format = rest.responseFormat === undefined ? [] : [JSON.stringify(rest.responseFormat)];
  const context = [...rest.system.map(({ text }) => text), ...earlier, ...tools, ...format].join("\n\n");
  const selection = await uses.selector.select(
    {
      text: asked === undefined ? "" : searchableText(asked),
      context,
      images: holds(rest.messages, "image"),
      documents: holds(rest.messages, "document"),
      unsearchable: holds(rest.messages, "image") || holds(rest.messages, "document"),
      tools: rest.tools.length > 0,
      tokens: Math.ceil(Buffer.byteLength(context) / bytesPerToken),
      ...(rest.thinking === undefined ? {} : { thinking: rest.thinking }),
      ...(rest.maxOutputTokens === undefined ? {} : { maxOutputTokens: rest.maxOutputTokens }),
    },
    { signal },
  );
  if (selection?.refused !== undefined) throw new ApiFailure(403, selection.refused, { type: "forbidden", code: "no_model_admitted" });
  const { ref } = await uses.llm.resolve(
    {
      ...(selection?.model === undefined ? {} : { model: selection.model }),
      ...(selection?.within === undefined ? {} : { within: selection.within }),
    },
    { signal },
  );
  return { ...rest, model: ref, ...(selection?.within === undefined ? {} : { within: selection.within }) };
}
