/**
 * A turn in which an agent uses a skill: the model, which a script plays, finds it in its prompt, reads its page with a tool, takes the commands from
 * what it read, and runs them with another. So what is shown is the way from the page to the program, through a gateway.
 */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { asks } from "@pincer/plugin-sdk/testing/script";
import { startConversation } from "../fixtures/conversation.ts";
import { type Block, blocksIn } from "./pages.ts";

interface Flow {
  readonly name: string;
  /** Whose commands are run, in the order of the page. */
  readonly headings: readonly string[];
  /** The gateway's, with the agent's `workspace` in it. */
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Ran extends Block {
  readonly isError: boolean;
  readonly text: string;
}

const resultsIn = ({ messages }: ModelRequest) =>
  messages.flatMap((message) => {
    if (message.role !== "toolResult") return [];
    const text = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
    return [{ tool: message.toolName, text, isError: message.isError }];
  });

export async function useSkill({ name, headings, home, environment }: Flow): Promise<readonly Ran[]> {
  const commandsIn = (page: string) => blocksIn(page).filter(({ heading }) => headings.includes(heading));
  await using talk = await startConversation({
    home,
    enable: ["skills", "tools-exec", "tools-files", "approvals"],
    config: { plugins: { "tools-exec": { config: { environment, timeoutMs: 120_000 } } } },
  });
  const ran: Block[] = [];
  talk.script.answer((request) => {
    const isOffered = request.system.some(({ text }) => text.includes(`\n- ${name}: `));
    return [isOffered ? asks("skills_read", { name }) : { text: `my prompt names no skill ${name}` }];
  });
  talk.script.otherwise((request) => {
    const [page] = resultsIn(request);
    const next = commandsIn(page?.text ?? "")[ran.length];
    if (next === undefined) return [{ text: "It is done." }];
    ran.push(next);
    return [asks("exec", { command: next.script })];
  });
  const { state } = await talk.ask("Do it as the skill says.");
  if (state !== "final") throw new Error(`the turn ended as ${String(state)}`);
  const results = resultsIn(talk.script.models.at(-1)!.request).filter(({ tool }) => tool === "exec");
  return ran.map((block, at) => ({
    ...block,
    isError: results[at]!.isError,
    text: results[at]!.text.replace(/\[exit code 0, after [^\]]*\]\s*$/, ""),
  }));
}
