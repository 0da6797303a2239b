/** What Anthropic's API refuses about the messages of a request, in its words; nothing when it takes them. */
interface Block {
  readonly type: string;
  readonly id?: string;
  readonly tool_use_id?: string;
}
interface Turn {
  readonly role: string;
  readonly content: string | readonly Block[];
}

const blocksOf = (turn: Turn | undefined): readonly Block[] =>
  typeof turn?.content === "string" ? [{ type: "text" }] : (turn?.content ?? []);
const usesOf = (turn: Turn | undefined) => blocksOf(turn).flatMap(({ type, id }) => (type === "tool_use" ? [id] : []));
const resultsOf = (turn: Turn | undefined) =>
  blocksOf(turn).flatMap(({ type, tool_use_id }) => (type === "tool_result" ? [tool_use_id] : []));

export function refusalOf(messages: readonly Turn[]): string | undefined {
  if (messages[0]?.role !== "user") return "messages: first message must use the user role";
  for (const [at, turn] of messages.entries()) {
    const blocks = blocksOf(turn);
    if (blocks.length === 0) return `messages.${at}: all messages must have non-empty content`;
    if (turn.role === messages[at - 1]?.role) return `messages: roles must alternate between "user" and "assistant" (${at})`;
    const answered = resultsOf(messages[at + 1]);
    const open = usesOf(turn).find((id) => !answered.includes(id));
    if (open !== undefined) return `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open}`;
    const asked = usesOf(messages[at - 1]);
    const stray = resultsOf(turn).find((id) => !asked.includes(id));
    if (stray !== undefined) return `messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}`;
    if (blocks.some(({ type }, n) => type === "tool_result" && n > 0 && blocks[n - 1]?.type !== "tool_result"))
      return `messages.${at}: \`tool_result\` blocks must come first in the content`;
  }
  return undefined;
}
