/** Items of the Responses API as a conversation. */
import type { AssistantMessage, ThinkingBlock } from "@pincer/plugin-sdk/message";
import { type Conversation, fileOf, imageOf, type Origin, type Part, parseArguments, type Turn, typeOfName } from "./conversation.ts";
import { badRequest, unkept, unsupported } from "./failure.ts";
import { type FetchedImages, isAddress, type NamedImage } from "./remote-images.ts";
import type { InputItem, InputPart, ResponsesRequest } from "./responses-request.ts";

/** What stands in `encrypted_content` here: a model's own proof of its thinking, and whose it is. It is for that model, and no secret. */
interface Sealed extends Origin {
  readonly signature: string;
  readonly redacted?: boolean;
}

export const seal = (sealed: Sealed): string => Buffer.from(JSON.stringify(sealed)).toString("base64");

function unseal(content: string): Sealed | undefined {
  try {
    const sealed = JSON.parse(Buffer.from(content, "base64").toString()) as Partial<Sealed>;
    return [sealed.provider, sealed.model, sealed.api, sealed.signature].every((one) => typeof one === "string")
      ? (sealed as Sealed)
      : undefined;
  } catch {
    // silent-ok: what another gateway sealed is of no use here
    return undefined;
  }
}

export function conversationOfInput({ input, instructions }: ResponsesRequest, images: FetchedImages): Conversation {
  const system = instructions ? [instructions] : [];
  if (typeof input === "string") return { system, turns: [{ role: "user", parts: [{ type: "text", text: input }] }] };
  const turns: Turn[] = [];
  for (const [at, item] of input.entries()) {
    const found = turnOf(item, `input[${at}]`, images);
    if (found === undefined) continue;
    if (typeof found === "string") system.push(found);
    else turns.push(found);
  }
  return { system, turns: joined(turns) };
}

/** A string is an instruction. */
function turnOf(item: InputItem, param: string, images: FetchedImages): Turn | string | undefined {
  if (item.type === "function_call_output")
    return { role: "tool", callId: item.call_id, parts: partsOf(item.output, `${param}.output`, images) };
  if (item.type === "function_call") {
    const call = { type: "toolCall" as const, id: item.call_id, name: item.name, arguments: parseArguments(item.arguments) };
    return { role: "assistant", content: [call] };
  }
  if (item.type === "reasoning") return thinkingTurn(item);
  if (item.type === "item_reference")
    throw badRequest(
      `Item with id '${item.id}' not found: it belongs to no response that is stored here.`,
      `${param}.id`,
      "item_not_found",
    );
  const parts = partsOf(item.content, `${param}.content`, images);
  if (item.role === "user") return { role: "user", parts };
  const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
  if (item.role !== "assistant") return text;
  return text === "" ? undefined : { role: "assistant", content: [{ type: "text", text }] };
}

function thinkingTurn({ summary = [], encrypted_content }: Extract<InputItem, { type: "reasoning" }>): Turn | undefined {
  const sealed = encrypted_content ? unseal(encrypted_content) : undefined;
  if (!sealed) return undefined;
  const { signature, redacted, provider, model, api } = sealed;
  const thinking = summary.map(({ text }) => text).join("\n\n");
  const block: ThinkingBlock = { type: "thinking", thinking, signature, ...(redacted ? { redacted } : {}) };
  return { role: "assistant", content: [block], from: { provider, model, api } };
}

function partsOf(content: string | readonly InputPart[], param: string, images: FetchedImages): readonly Part[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.map((part, at): Part => {
    if (part.type === "input_image") {
      const place = `${param}[${at}].image_url`;
      if (part.file_id) throw unkept(`${param}[${at}].file_id`, "image_url");
      if (!part.image_url) throw badRequest(`Missing required parameter: '${place}'.`, place, "missing_required_parameter");
      return imageOf(part.image_url, place, images);
    }
    if (part.type === "input_file") {
      const { file_data, filename, file_id, file_url } = part;
      const place = `${param}[${at}]`;
      if (file_id) throw unkept(`${place}.file_id`, "file_data");
      if (file_url)
        throw unsupported(
          `${place}.file_url`,
          "of what is named by its address images alone are fetched; send the file itself in 'file_data'",
        );
      if (!file_data)
        throw badRequest(`Missing required parameter: '${place}.file_data'.`, `${place}.file_data`, "missing_required_parameter");
      return fileOf(file_data, `${param}[${at}].file_data`, filename ? { fileName: filename, mimeType: typeOfName(filename) } : {});
    }
    return { type: "text", text: part.type === "refusal" ? part.refusal : part.text };
  });
}

/** The images that are named by their addresses. */
export function imagesNamedIn(input: ResponsesRequest["input"]): readonly NamedImage[] {
  if (typeof input === "string") return [];
  return input.flatMap((item, at) => {
    const [field, content] = "role" in item ? ["content", item.content] : "output" in item ? ["output", item.output] : ["", ""];
    if (typeof content === "string") return [];
    return content.flatMap((part, index) =>
      part.type === "input_image" && part.image_url && isAddress(part.image_url)
        ? [{ url: part.image_url, param: `input[${at}].${field}[${index}].image_url` }]
        : [],
    );
  });
}

/** What one answer was is one again: its thinking, its text and its calls belong together. */
function joined(turns: readonly Turn[]): readonly Turn[] {
  const found: Turn[] = [];
  /** Of the answer that is found last. */
  let content: AssistantMessage["content"] = [];
  for (const turn of turns) {
    const last = found.at(-1);
    if (turn.role === "assistant" && last?.role === "assistant") {
      content.push(...turn.content);
      if (turn.from !== undefined) found[found.length - 1] = { ...last, from: turn.from };
    } else if (turn.role === "assistant") {
      content = [...turn.content];
      found.push({ ...turn, content });
    } else found.push(turn);
  }
  return found;
}
