/** The plugin's bounds. Sizes are bytes, pixels or characters as their names say. */
import { type Static, Type } from "@sinclair/typebox";

const count = (value: number, description: string, least = 1) => Type.Integer({ default: value, minimum: least, description });

export const MediaConfig = Type.Object({
  fileBytes: count(20_000_000, "Largest file that is looked into"),
  imageSidePx: count(1_568, "Longest side of an image; larger ones are made smaller", 64),
  imageBytes: count(3_000_000, "Of an image, as the model gets it", 10_000),
  imagePixels: count(50_000_000, "Pixels of an image that is opened at all; each takes four bytes of memory"),
  textChars: count(60_000, "Text of one document or recording; what is longer is cut, and says so"),
  documentMs: count(20_000, "How long one document is read; what was read by then is taken"),
  pdf: Type.Union([Type.Literal("text"), Type.Literal("file")], {
    default: "text",
    description:
      "PDFs go to the model as their text, or as the file to models that open PDFs; a scan without text goes as the file either way",
  }),
  pdfPages: count(300, "Pages of a PDF that are read"),
  archiveEntries: count(5_000, "Entries that the archive inside an office document may have"),
  archiveBytes: count(30_000_000, "What is unpacked of one office document, together"),
  archiveRatio: count(200, "How many times its packed size an entry above a megabyte may have"),
  transcriber: Type.Optional(
    Type.String({ description: "Name of the transcriber that is asked; absent: the first that takes the recording" }),
  ),
  language: Type.Optional(
    Type.String({ pattern: "^[a-z]{2}$", description: "Language of recordings, such as `de`; absent: the transcriber finds out" }),
  ),
  transcriptionMs: count(120_000, "How long a transcription is waited for"),
});
export type MediaConfig = Static<typeof MediaConfig>;
