/**
 * One recording, heard by one transcriber. Each is priced, counted, and may be refused by `model.calling`, as any call of a model is: whoever asks a
 * transcriber itself is counted nowhere.
 */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Transcription, TranscriptionRequest } from "./transcriber.ts";

/** Whose call it is, as `llm` has it. */
export const OnBehalfOf = Type.Object({
  agentId: Type.Optional(Type.String()),
  sessionKey: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
  user: Type.Optional(Type.String()),
});
export type OnBehalfOf = Static<typeof OnBehalfOf>;

export const transcriberAccess = defineContract({
  id: "transcriber-access",
  version: 1,
  arity: "one",
  members: {
    /** What is refused is a `failure` as well; it rejects as a transcriber does. */
    transcribe: call(
      Type.Composite([TranscriptionRequest, OnBehalfOf, Type.Object({ transcriber: Type.String() })]),
      Type.Pick(Transcription, ["text", "failure"]),
      { safe: true },
    ),
  },
});
