/** What files that people send come to before a model sees them: known by their content, within bounds, documents and speech as text. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Attachment } from "./inbox.ts";
import { OnBehalfOf } from "./transcriber-access.ts";

export const PreparedAttachment = Type.Object({
  /**
   * The file as a model can take it: an image made small enough, the text of a document or a recording as `text/plain` under the file's own name, or
   * the file as it came, with the type that its content has. Absent when nothing of it can be taken.
   */
  attachment: Type.Optional(Attachment),
  /** A sentence for the model and whoever sent the file: why it could not be read, or what of it is left out. */
  note: Type.Optional(Type.String()),
});
export type PreparedAttachment = Static<typeof PreparedAttachment>;

export const media = defineContract({
  id: "media",
  version: 1,
  arity: "one",
  members: {
    /** One file at a time, so that one which ends its readers takes no other with it. A file that cannot be read is a note; only faults reject. */
    prepare: call(
      Type.Object({
        attachment: Attachment,
        /** Whose file it is, so that it is known who spends what its reading costs. */
        onBehalfOf: Type.Optional(OnBehalfOf),
      }),
      PreparedAttachment,
      { safe: true },
    ),
  },
});
