/** What was typed to the gateway and is still to be done, as far as it decides what becomes of a turn. Compared by the order of admissions. */

import { type CommandInput, commandLane } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

interface Asked {
  readonly key: string;
  readonly order: number;
  readonly command: string;
}

/** They decide what a message is said to that was typed behind them: an empty conversation, another model. */
const decisive: ReadonlySet<string> = new Set(["new", "reset", "model", "think"]);
/** They end the turns before them, which take nothing over any more that was typed behind them. */
const ending: ReadonlySet<string> = new Set(["new", "reset", "stop"]);

async function asked({ uses: { lanes }, signal }: AgentContext, sessionKey: string): Promise<{ running: Asked | undefined; all: Asked[] }> {
  const { running, waiting } = await lanes.status({ lane: commandLane(sessionKey) }, { signal });
  const all = [...(running === null ? [] : [running]), ...waiting].map(({ key, order, input }) => ({
    ...{ key, order },
    command: (input as CommandInput).command,
  }));
  return { running: running === null ? undefined : all[0], all };
}

/** The place of the command that empties the session at this moment; what was admitted behind it is for the new conversation. */
export async function emptiedAt(agent: AgentContext, sessionKey: string): Promise<number | undefined> {
  const { running } = await asked(agent, sessionKey);
  return running !== undefined && ["new", "reset"].includes(running.command) ? running.order : undefined;
}

/** Waits for the commands that decide about a turn, which has this place, or until it is told to end. */
export async function commandsDone(
  agent: AgentContext,
  turn: { readonly sessionKey: string; readonly order: number; readonly signal: AbortSignal },
  which: "before" | "behind",
): Promise<void> {
  const { all } = await asked(agent, turn.sessionKey);
  const meant = all.filter(({ order, command }) =>
    which === "before" ? order < turn.order && decisive.has(command) : order > turn.order && ending.has(command),
  );
  await Promise.all(meant.map(({ key }) => agent.uses.lanes.wait({ key }, { signal: turn.signal }))).catch((error: unknown) => {
    // Who is told to end meanwhile has a place in the conversation all the same.
    if (!turn.signal.aborted) throw error;
  });
}
