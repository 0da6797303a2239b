import { bold, dim, dot } from "@pincer/plugin-sdk/command/colour";
import { table } from "@pincer/plugin-sdk/command/columns";
import { duration } from "@pincer/plugin-sdk/command/duration";
import type { Message } from "@pincer/plugin-sdk/message";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { SessionRow } from "@pincer/plugin-sdk/wire/session";
import { asking, type Client } from "./client.ts";
import { CliError } from "./failure.ts";

type Row = SessionRow & { readonly model?: string | null; readonly totalTokens?: number };

export const list = asking(async (client, { flags }) => {
  const limit = Number(flags["limit"] ?? 20);
  const { sessions, totalCount } = await client.call<{ sessions: Row[]; totalCount: number }>("sessions.list", { limit });
  const rows = sessions.map(({ key, label, displayName, updatedAt, model, totalTokens, hasActiveRun }) => [
    `${hasActiveRun ? dot("good") : " "} ${key}`,
    label ?? displayName ?? "",
    updatedAt ? `${duration(systemClock.now() - updatedAt)} ago` : "",
    totalTokens ? String(totalTokens) : "",
    model ?? "",
  ]);
  const more = totalCount > sessions.length ? `\n${dim(`${totalCount - sessions.length} more: --limit`)}` : "";
  const text = table(["  key", "label", "used", "tokens", "model"], rows) + more;
  return [sessions, rows.length === 0 ? dim("no sessions yet; pincer chat begins one") : text];
});

export const textOf = (content: Message["content"]): string =>
  typeof content === "string"
    ? content
    : content
        .map((block) => (block.type === "text" ? block.text : dim(`[${block.type === "toolCall" ? `calls ${block.name}` : block.type}]`)))
        .join("\n");

async function unknown(client: Client, key = ""): Promise<CliError> {
  const { sessions } = await client.call<{ sessions: Row[] }>("sessions.list", { limit: 200 });
  const keys = sessions.map((session) => session.key);
  return new CliError(`there is no session ${key}${suggestion(key, keys)}`, { next: "pincer sessions list" });
}

export const show = asking(async (client, { args: [key], flags }) => {
  const { messages } = await client.call<{ messages: Message[] }>("sessions.get", { key, limit: Number(flags["limit"] ?? 50) });
  if (messages.length === 0 && !(await client.call<{ session: Row | null }>("sessions.describe", { key })).session)
    throw await unknown(client, key);
  const when = (timestamp?: number) => (timestamp ? dim(new Date(timestamp).toLocaleString()) : "");
  const lines = messages.map(({ role, content, timestamp }) => `${bold(role)} ${when(timestamp)}\n${textOf(content)}\n`);
  return [messages, lines.length === 0 ? dim("no messages") : lines.join("\n")];
});

export const remove = asking(async (client, { args: [key] }) => {
  const answer = await client.call<{ deleted: boolean }>("sessions.delete", { key });
  if (!answer.deleted) throw await unknown(client, key);
  return [answer, `${dot("good")} ${key} is deleted`];
});
