/** Speech to text. */
import { type Static, Type } from "@sinclair/typebox";
import { Bytes, call, defineContract } from "../contract.ts";

export const TranscriberRecord = Type.Object({
  label: Type.String(),
  /** Media types that it takes; others are not handed to it. */
  mimeTypes: Type.Array(Type.String()),
});
export type TranscriberRecord = Static<typeof TranscriberRecord>;

export const TranscriptionRequest = Type.Object({
  data: Bytes(),
  /** What the content is, of those that the record names. */
  mimeType: Type.String(),
  /** ISO 639-1, such as `de`; absent: found out. */
  language: Type.Optional(Type.String()),
});
export type TranscriptionRequest = Static<typeof TranscriptionRequest>;

export const Transcription = Type.Object({
  /** Empty when nobody speaks. */
  text: Type.String(),
  /** Why there is none, in a sentence for people; `text` is empty then. */
  failure: Type.Optional(Type.String()),
});
export type Transcription = Static<typeof Transcription>;

export const transcriber = defineContract({
  id: "transcriber",
  version: 1,
  arity: "many",
  record: TranscriberRecord,
  members: {
    /** What a server refuses, or does not answer, is a `failure`; it rejects when the caller aborts, and then alone. */
    transcribe: call(TranscriptionRequest, Transcription, { safe: true }),
  },
});
