/** Speech to text. */
import { type Static, Type } from "@sinclair/typebox";
import { Bytes, call, defineContract, optional } from "../contract.ts";

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
  /** As the server counted it: by the length of the recording, or by tokens. Absent: it did not count. */
  usage: Type.Optional(
    Type.Union([
      Type.Object({ seconds: Type.Number({ minimum: 0 }) }),
      Type.Object({ input: Type.Integer({ minimum: 0 }), output: Type.Integer({ minimum: 0 }) }),
    ]),
  ),
  /** Of a failure: the server had begun to work on it, as far as anybody knows, and may charge for it. */
  worked: Type.Optional(Type.Boolean()),
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
    /** Which model hears them now, as `endpoint/model`: by that it is priced, limited and counted. Absent: `transcriber/<name>`. */
    model: optional(call(Type.Object({}), Type.Object({ model: Type.String() }), { safe: true })),
  },
});
