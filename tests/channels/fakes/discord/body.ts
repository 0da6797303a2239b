/** What a request brings, and whether it is a message (discord.com/developers/docs/resources/message#create-message, reference#uploading-files). */
import { invalidForm, Refusal } from "./refusal.ts";
import type { SentFile } from "./world.ts";

export interface Body {
  readonly value: Record<string, unknown>;
  readonly files: readonly SentFile[];
}

const FILE_LIMIT = 10 * 1024 * 1024;
const MOST_FILES = 10;

export async function readBody(request: Request): Promise<Body> {
  const type = request.headers.get("content-type") ?? "";
  if (type.startsWith("multipart/form-data")) {
    const form = await request.formData();
    const files: SentFile[] = [];
    let value: Record<string, unknown> = {};
    for (const [name, part] of form as unknown as Iterable<[string, string | File]>) {
      if (name === "payload_json") value = JSON.parse(String(part)) as Record<string, unknown>;
      else if (/^files\[\d+\]$/.test(name) && part instanceof File) {
        files.push({ name: part.name, mimeType: part.type, bytes: new Uint8Array(await part.arrayBuffer()) });
      } else throw invalidForm([name], "UNKNOWN", "Unknown part");
    }
    if (files.length > MOST_FILES) throw invalidForm(["files"], "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
    if (files.some(({ bytes }) => bytes.length > FILE_LIMIT)) throw new Refusal(413, 40_005, "Request entity too large");
    return { value, files };
  }
  const text = await request.text();
  if (text === "") return { value: {}, files: [] };
  if (!type.startsWith("application/json")) throw new Refusal(400, 50_109, "The request body contains invalid JSON.");
  try {
    return { value: JSON.parse(text) as Record<string, unknown>, files: [] };
  } catch {
    throw new Refusal(400, 50_109, "The request body contains invalid JSON.");
  }
}

const FIELDS = new Set([
  ...["content", "nonce", "enforce_nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components"],
  ...["sticker_ids", "attachments", "flags", "poll", "payload_json"],
]);

interface Row {
  readonly type: number;
  readonly components: readonly { readonly type: number; readonly style: number; readonly label: string; readonly custom_id: string }[];
}

function checkComponents(rows: unknown): void {
  if (rows === undefined || rows === null) return;
  if (!Array.isArray(rows) || rows.length > 5)
    throw invalidForm(["components"], "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
  const seen = new Set<string>();
  for (const [index, { type, components }] of (rows as Row[]).entries()) {
    const at = (...path: string[]) => ["components", String(index), ...path];
    if (type !== 1 || components.length < 1 || components.length > 5)
      throw invalidForm(at("components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
    for (const [column, button] of components.entries()) {
      const where = (field: string) => at("components", String(column), field);
      if (button.type !== 2 || ![1, 2, 3, 4].includes(button.style))
        throw invalidForm(where("style"), "BASE_TYPE_CHOICES", "Unknown style");
      if (button.label.length < 1 || button.label.length > 80)
        throw invalidForm(where("label"), "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length.");
      if (button.custom_id.length < 1 || button.custom_id.length > 100)
        throw invalidForm(where("custom_id"), "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.");
      if (seen.has(button.custom_id))
        throw invalidForm(where("custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated");
      seen.add(button.custom_id);
    }
  }
}

interface Poll {
  readonly question: { readonly text: string };
  readonly answers: readonly { readonly poll_media: { readonly text: string } }[];
  readonly duration: number;
}

function checkPoll(poll: Poll | undefined): void {
  if (!poll) return;
  if (poll.question.text.length > 300) throw invalidForm(["poll", "question"], "BASE_TYPE_MAX_LENGTH", "Must be 300 or fewer in length.");
  if (poll.answers.length < 1 || poll.answers.length > 10)
    throw invalidForm(["poll", "answers"], "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 10 in length.");
  if (poll.answers.some(({ poll_media }) => poll_media.text.length > 55))
    throw invalidForm(["poll", "answers"], "BASE_TYPE_MAX_LENGTH", "Must be 55 or fewer in length.");
  if (!Number.isInteger(poll.duration) || poll.duration < 1 || poll.duration > 768)
    throw invalidForm(["poll", "duration"], "NUMBER_TYPE_MAX", "int value should be less than or equal to 768.");
}

/** Answers with the fields that Discord does not know; throws what it refuses. An edit may leave the text as it is. */
export function checkMessage({ value, files }: Body, isEdit: boolean): readonly string[] {
  const { content, nonce, enforce_nonce, allowed_mentions: mentions, components, poll } = value;
  if (content !== undefined && content !== null && typeof content !== "string")
    throw invalidForm(["content"], "STRING_TYPE_CONVERT", "Could not interpret as string.");
  if ([...String(content ?? "")].length > 2000) throw invalidForm(["content"], "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.");
  if (nonce !== undefined && String(nonce).length > 25)
    throw invalidForm(["nonce"], "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer in length.");
  if (enforce_nonce !== undefined && typeof enforce_nonce !== "boolean")
    throw invalidForm(["enforce_nonce"], "BOOLEAN_TYPE_CONVERT", "Must be a boolean.");
  const parse = (mentions as { readonly parse?: readonly string[] } | undefined)?.parse ?? [];
  if (parse.some((each) => !["users", "roles", "everyone"].includes(each)))
    throw invalidForm(["allowed_mentions", "parse"], "BASE_TYPE_CHOICES", "Value must be one of users, roles, everyone.");
  checkComponents(components);
  checkPoll(poll as Poll | undefined);
  const isEmpty = String(content ?? "").trim() === "" && files.length === 0 && poll === undefined;
  if (isEmpty && !isEdit) throw new Refusal(400, 50_006, "Cannot send an empty message");
  return Object.keys(value).filter((name) => !FIELDS.has(name));
}
