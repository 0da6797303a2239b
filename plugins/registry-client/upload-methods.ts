/** `skills.upload.*`, in the wire's own shapes. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { closed } from "./schema.ts";

const Text = Type.String({ minLength: 1 });
const sha256 = Type.Optional(Type.String({ pattern: "^[a-fA-F0-9]{64}$" }));
const state = { uploadId: Text, receivedBytes: Type.Integer(), expiresAt: Type.Integer() };

/** What is said of an upload when it is begun. */
export const uploadSaid = {
  slug: Text,
  sizeBytes: Type.Integer({ minimum: 1 }),
  sha256,
  /** As in `skills.install`. */
  force: Type.Optional(Type.Boolean()),
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
};

export const uploadBegin = defineMethod({
  name: "skills.upload.begin",
  summary: "Begins to take a skill in a zip, which skills.install can install once it is whole; it is kept for an hour.",
  scope: "operator.admin",
  params: closed({ kind: Type.Literal("skill-archive"), ...uploadSaid }),
  result: closed(state),
});

export const uploadChunk = defineMethod({
  name: "skills.upload.chunk",
  summary: "The next piece of a skill's zip, in base64.",
  scope: "operator.admin",
  params: closed({
    uploadId: Text,
    offset: Type.Integer({ minimum: 0 }),
    dataBase64: Type.String({ minLength: 1, maxLength: 5_592_408 }),
  }),
  result: closed(state),
});

export const uploadCommit = defineMethod({
  name: "skills.upload.commit",
  summary: "Says that the zip is whole, and has its size and digest compared; it installs nothing.",
  scope: "operator.admin",
  params: closed({ uploadId: Text, sha256 }),
  result: closed({ ...state, sha256: Text }),
});
