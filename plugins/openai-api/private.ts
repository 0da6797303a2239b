/** What is private beside what a model is asked just now: looked at for that alone, and kept with whatever goes on from it. */
import type { AgentTurn } from "./agent-turn.ts";
import type { ApiContext } from "./uses.ts";

export interface Before {
  /** Some of it is known to be private. */
  readonly isPrivate: boolean;
  /** Instructions, tools and forms of answers that stand in none of its messages. */
  readonly told: readonly string[];
}

export const nothingBefore: Before = { isPrivate: false, told: [] };

export const joined = (a: Before, b: Before): Before => ({
  isPrivate: a.isPrivate || b.isPrivate,
  told: [...new Set([...a.told, ...b.told])],
});

/** Where no model is chosen, but what follows is marked: the selector says it, if there is one. */
export async function isPrivate({ uses }: Pick<ApiContext, "uses">, before: Before, signal: AbortSignal): Promise<boolean> {
  if (before.isPrivate || before.told.length === 0 || uses.selector === undefined) return before.isPrivate;
  const selection = await uses.selector.select({ text: "", context: before.told.join("\n\n") }, { signal });
  return selection?.private === true;
}

/** A turn with what stands before it. Of what was said the agent looks at people's words by itself, and not at what it is told that it said. */
export async function withPrivacy(ctx: Pick<ApiContext, "uses">, turn: AgentTurn, before: Before, signal: AbortSignal): Promise<AgentTurn> {
  const said = turn.history.flatMap(({ role, ...more }) =>
    role === "assistant" && "content" in more ? more.content.flatMap((block) => (block.type === "text" ? [block.text] : [])) : [],
  );
  return { ...turn, isPrivate: await isPrivate(ctx, joined(before, { isPrivate: false, told: said }), signal) };
}
