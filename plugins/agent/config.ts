/** The agent's configuration. Durations are milliseconds, sizes are characters or tokens as their names say. */
import { Thinking } from "@pincer/plugin-sdk/contracts/provider";
import { QueueMode } from "@pincer/plugin-sdk/job";
import { type Static, Type } from "@sinclair/typebox";

const count = (value: number, description: string, least = 1) => Type.Integer({ default: value, minimum: least, description });
const share = (value: number, description: string) => Type.Number({ default: value, exclusiveMinimum: 0, maximum: 1, description });

export const AgentConfig = Type.Object({
  queueMode: Type.Unsafe<QueueMode>({
    ...QueueMode,
    default: "steer",
    description: "What a message does that arrives while a turn is running, when it does not say so itself",
  }),
  thinking: Type.Unsafe<Thinking>({
    ...Thinking,
    default: "off",
    description: "Where neither the message, the session nor the agent says another level",
  }),
  turnTimeoutMs: count(1_800_000, "Longest turn; 0 is without limit", 0),
  maxModelCalls: count(50, "Model calls in one turn, after which it ends and says so"),
  maxRepeatedCalls: count(3, "Identical tool calls with identical results, after which the call is refused"),
  modelRetries: count(2, "Repetitions of a model call that failed before anything had arrived", 0),
  modelRetryFirstMs: count(1_000, "Pause before the first repetition; doubles each time"),
  modelRetryLongestMs: count(15_000, "Longest pause; a provider that asks for more is not waited for"),

  toolTimeoutMs: count(30_000, "Longest tool call, where the tool says nothing else"),
  toolGraceMs: count(5_000, "How long a tool that was told to stop is waited for"),
  parallelTools: count(8, "Tool calls of one answer that run at once"),
  toolResultChars: count(40_000, "Text of one tool result; the middle of a longer one is left out"),

  deltaMs: count(150, "Least time between two deltas of one run"),
  blockReplies: Type.Boolean({ default: true, description: "Send a long reply to a channel in pieces while it is being written" }),
  blockMinChars: count(800, "A piece is sent from this length on, at the end of a paragraph, line or sentence"),
  blockMaxChars: count(1_200, "A piece is never longer"),
  blockIdleMs: count(1_000, "A finished sentence is sent after this long without more text"),

  contextTokens: count(128_000, "Context window of a model that does not say its own", 1_024),
  reserveShare: share(0.15, "Part of the context window that is kept free for the answer, at most reserveTokens"),
  reserveTokens: count(16_000, "See reserveShare"),
  pruneShare: share(0.6, "Filling of the context window from which old tool results are left out"),
  keepShare: share(0.2, "Part of the context window that compaction leaves word for word"),
  summaryTokens: count(2_000, "Longest summary"),

  contextCacheBytes: count(4_000_000, "Of conversations that are kept in memory for their next turn", 0),

  promptFileChars: count(20_000, "Of one of the agent's files, what goes into the prompt"),
  promptFilesChars: count(60_000, "Of all of the agent's files together"),

  attachmentCount: count(20, "Attachments of one message"),
  attachmentBytes: count(20_000_000, "Of one message together"),
  imageBytes: count(8_000_000, "Of one image"),
  documentBytes: count(8_000_000, "Of one PDF"),
  documentChars: count(60_000, "Of a text document, what is read"),

  historyChars: count(200_000, "Of one text in chat.history; chat.message.get has the whole"),
  historyBytes: count(8_000_000, "Of one chat.history answer; images that do not fit are left out"),
});
export type AgentConfig = Static<typeof AgentConfig>;
