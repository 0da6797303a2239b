import { systemClock } from "../clock.ts";
import { connect } from "./client.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./failure.ts";
import { bold, dim, duration, green, table } from "./terminal.ts";

interface Row {
  readonly key: string;
  readonly label?: string;
  readonly displayName?: string;
  readonly updatedAt?: number | null;
  readonly model?: string | null;
  readonly totalTokens?: number;
  readonly hasActiveRun?: boolean;
}
interface Block {
  readonly type: string;
  readonly text?: string;
  readonly name?: string;
}
interface Message {
  readonly role: string;
  readonly content: string | readonly Block[];
  readonly timestamp?: number;
}

export const list: Run = async ({ flags, home, terminal }) => {
  using client = await connect(home);
  const { sessions, totalCount } = await client.call<{ sessions: Row[]; totalCount: number }>("sessions.list", {
    limit: Number(flags["limit"] ?? 20),
  });
  const rows = sessions.map(({ key, label, displayName, updatedAt, model, totalTokens, hasActiveRun }) => [
    hasActiveRun ? green("●") : " ",
    key,
    label ?? displayName ?? "",
    updatedAt ? `${duration(systemClock.now() - updatedAt)} ago` : "",
    totalTokens ? String(totalTokens) : "",
    model ?? "",
  ]);
  const more = totalCount > sessions.length ? `\n${dim(`${totalCount - sessions.length} more: --limit`)}` : "";
  terminal.result(
    sessions,
    rows.length === 0
      ? dim("no sessions yet; pincer chat begins one")
      : table(["", "key", "label", "used", "tokens", "model"], rows) + more,
  );
  return EXIT.done;
};

export const textOf = (content: Message["content"]): string =>
  typeof content === "string"
    ? content
    : content
        .map(({ type, text, name }) => (type === "text" ? (text ?? "") : dim(`[${type === "toolCall" ? `calls ${name}` : type}]`)))
        .join("\n");

export const show: Run = async ({ args: [key], flags, home, terminal }) => {
  using client = await connect(home);
  const { messages } = await client.call<{ messages: Message[] }>("sessions.get", { key, limit: Number(flags["limit"] ?? 50) });
  const lines = messages.map(
    ({ role, content, timestamp }) => `${bold(role)} ${timestamp ? dim(new Date(timestamp).toLocaleString()) : ""}\n${textOf(content)}\n`,
  );
  terminal.result(messages, lines.length === 0 ? dim("no messages") : lines.join("\n"));
  return EXIT.done;
};

export const remove: Run = async ({ args: [key], home, terminal }) => {
  using client = await connect(home);
  const answer = await client.call<{ deleted: boolean }>("sessions.delete", { key });
  terminal.result(answer, answer.deleted ? `${green("●")} ${key} is deleted` : `there was no ${key}`);
  return answer.deleted ? EXIT.done : EXIT.failed;
};
