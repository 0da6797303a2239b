/** A conversation over a connection of the wire: what a person says, and what comes back. It waits for events, never for time. */
import type { WireClient } from "./client.ts";

type Payload = Record<string, unknown>;

interface ToolResult {
  readonly name: string;
  readonly text: string;
  readonly isError: boolean;
}

export interface Reply {
  readonly text: string;
  /** `error`: the turn failed, and `error` says how. */
  readonly state: "final" | "aborted" | "error";
  readonly error?: string;
  /** What the tools answered that the agent used for it, in order. */
  readonly toolResults: readonly ToolResult[];
}

const ends: ReadonlySet<unknown> = new Set(["final", "aborted", "error"]);

/** The text of a message of the wire. */
export const textOf = (message: unknown): string => {
  const content = (message as { content?: unknown } | undefined)?.content;
  if (typeof content === "string") return content;
  return ((content ?? []) as readonly { type: string; text?: string }[]).map(({ text = "" }) => text).join("");
};

/** The client must have subscribed to sessions. */
export function talkOver(client: WireClient, sessionKey: string) {
  const end = (runId: string) => client.event("chat", (payload) => payload["runId"] === runId && ends.has(payload["state"]));
  const say = async (message: string, params: Payload = {}): Promise<string> => {
    const idempotencyKey = String(params["idempotencyKey"] ?? crypto.randomUUID());
    const { runId } = await client.call<{ runId: string }>("chat.send", { sessionKey, message, ...params, idempotencyKey });
    return runId;
  };
  const idle = async (runId: string): Promise<Payload> => {
    await end(runId);
    return client.event("sessions.changed", ({ phase, runId: of }) => of === runId && phase !== "start");
  };
  const history = async (params: Payload = {}): Promise<readonly Payload[]> => {
    const { messages } = await client.call<{ messages: readonly Payload[] }>("chat.history", { sessionKey, ...params });
    return messages;
  };
  return {
    /** Sends a message and answers with the run's id as soon as it is accepted. */
    say,
    /** The run's last `chat` event. */
    end,
    /** Resolves when the session has nothing running any more. */
    idle,
    history,
    /** Says it, waits until the session is quiet again, and gives the answer. */
    async ask(message: string, params: Payload = {}): Promise<Reply> {
      const runId = await say(message, params);
      const last = await end(runId);
      await client.call("agent.wait", { runId });
      // A command begins nothing in its session that could end.
      const isTurn = ({ runId: of, phase }: Payload) => of === runId && phase === "start";
      if (client.eventsOf("sessions.changed").some(isTurn)) await idle(runId);
      const messages = await history(params["sessionKey"] === undefined ? {} : { sessionKey: params["sessionKey"] });
      const turn = messages.slice(messages.findLastIndex(({ role }) => role === "user") + 1);
      const toolResults = turn.flatMap((entry) =>
        entry["role"] === "toolResult"
          ? [{ name: String(entry["toolName"]), text: textOf(entry), isError: entry["isError"] === true }]
          : [],
      );
      const error = last["errorMessage"];
      return {
        text: textOf(last["message"]),
        state: last["state"] as Reply["state"],
        toolResults,
        ...(typeof error === "string" ? { error } : {}),
      };
    },
  };
}
