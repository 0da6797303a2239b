/** Which model a turn is for: asked before its first call, and again when somebody says more into it. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Selection } from "../selection.ts";
import { Thinking } from "./provider.ts";

export const SelectionRequest = Type.Object({
  agentId: Type.Optional(Type.String()),
  /** Where it came from; none for the gateway's own surfaces. */
  channels: Type.Optional(Type.Array(Type.String())),
  /** What was said, with the text of documents that came with it. */
  text: Type.String(),
  /** What else people said that the model would read: looked at for privacy alone. */
  context: Type.Optional(Type.String()),
  /** How many files came with it. */
  attachments: Type.Optional(Type.Integer({ minimum: 0 })),
  /** It holds an image. */
  images: Type.Optional(Type.Boolean()),
  /** It holds a document that a model opens by itself, such as a PDF. */
  documents: Type.Optional(Type.Boolean()),
  /** Of that kind there is something among all that the model would read: nothing can be looked for in it. */
  unsearchable: Type.Optional(Type.Boolean()),
  /** Tools are offered. */
  tools: Type.Optional(Type.Boolean()),
  /** What was asked for, by the message or the session. */
  thinking: Type.Optional(Thinking),
  /** What the conversation holds so far, in tokens. */
  tokens: Type.Optional(Type.Integer({ minimum: 0 })),
  /** How many the answer may have at most; absent: as the model does. */
  maxOutputTokens: Type.Optional(Type.Integer({ minimum: 0 })),
  /** The answer before failed. */
  failed: Type.Optional(Type.Boolean()),
  /** The conversation is known to hold what is private. */
  private: Type.Optional(Type.Boolean()),
  /** The model that somebody named. */
  chosen: Type.Optional(
    Type.Object({ model: Type.String(), by: Type.Union([Type.Literal("message"), Type.Literal("session"), Type.Literal("agent")]) }),
  ),
});
export type SelectionRequest = Static<typeof SelectionRequest>;

export const selector = defineContract({
  id: "selector",
  version: 1,
  arity: "one",
  members: {
    /** `null`: it has nothing to say, and the model is as if there were no selector. What it cannot decide it throws, and nothing is asked then. */
    select: call(SelectionRequest, Type.Union([Selection, Type.Null()]), { safe: true }),
  },
});
