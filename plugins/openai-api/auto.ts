/** `pincer/auto`: the model that the selector says, straight, as if the caller had named it. Where one is named, whoever else may see what is private. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import { holds, type Message, searchableText } from "@pincer/plugin-sdk/message";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { noModelAdmitted } from "./failure.ts";
import { type Before, nothingBefore } from "./private.ts";
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

/** What a model asked of tools, as it is sent back. */
const callsOf = ({ role, content }: Message): string =>
  role === "assistant" ? content.flatMap((block) => (block.type === "toolCall" ? [JSON.stringify(block.arguments)] : [])).join("\n") : "";

interface Chosen {
  readonly call: LlmRequest;
  readonly isPrivate: boolean;
}

/**
 * The call with its model. What is private is looked for in all that the caller sends, and in what stands before it: a model that was named for that
 * answers alone, or a local one in its place.
 */
export async function withModel(
  { uses }: Pick<ApiContext, "uses">,
  call: LlmRequest,
  signal: AbortSignal,
  before: Before = nothingBefore,
): Promise<Chosen> {
  const { model, ...rest } = call;
  if (model === undefined || uses.selector === undefined) return { call, isPrivate: before.isPrivate };
  const last = rest.messages.findLastIndex(({ role }) => role === "user");
  const earlier = rest.messages.flatMap((message, at) => (at === last ? [] : [searchableText(message), callsOf(message)]));
  const asked = rest.messages[last];
  const tools = rest.tools.map((tool) => JSON.stringify(tool));
  const format = rest.responseFormat === undefined ? [] : [JSON.stringify(rest.responseFormat)];
  const words = [...(rest.stop ?? []), rest.cacheKey ?? ""];
  const context = [...before.told, ...rest.system.map(({ text }) => text), ...earlier, ...tools, ...format, ...words].join("\n\n");
  const selection = await uses.selector.select(
    {
      text: asked === undefined ? "" : searchableText(asked),
      context,
      images: holds(rest.messages, "image"),
      documents: holds(rest.messages, "document"),
      unsearchable: holds(rest.messages, "image") || holds(rest.messages, "document"),
      tools: rest.tools.length > 0,
      private: before.isPrivate,
      ...(model === AUTO ? {} : { chosen: { model, by: "message" } }),
      tokens: textTokens(context),
      ...(rest.thinking === undefined ? {} : { thinking: rest.thinking }),
      ...(rest.maxOutputTokens === undefined ? {} : { maxOutputTokens: rest.maxOutputTokens }),
    },
    { signal },
  );
  if (selection?.refused !== undefined) throw noModelAdmitted(selection.refused);
  const within = selection?.within === undefined ? {} : { within: selection.within };
  const isPrivate = selection?.private === true;
  if (model !== AUTO) return { call: { ...call, ...within }, isPrivate };
  const { ref } = await uses.llm.resolve({ ...(selection?.model === undefined ? {} : { model: selection.model }), ...within }, { signal });
  return { call: { ...rest, model: ref, ...within }, isPrivate };
}
