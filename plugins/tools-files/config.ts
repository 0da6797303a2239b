import { type Static, Type } from "@sinclair/typebox";

const bound = (fallback: number, description: string) => Type.Integer({ default: fallback, minimum: 1, description });

export const FilesConfig = Type.Object({
  readBytes: bound(10_000_000, "Bytes of the largest text file that is read or edited."),
  writeBytes: bound(10_000_000, "Bytes of the largest file that is written."),
  imageBytes: bound(5_000_000, "Bytes of the largest image that is shown to the model."),
  resultChars: bound(30_000, "Characters of one result at most; a longer one says how to read on."),
  resultLines: bound(2_000, "Lines of one result at most."),
  lineChars: bound(2_000, "Characters of a line that are shown."),
  matchChars: bound(300, "Characters of a matching line that grep shows."),
  results: bound(200, "Names or matches that list, glob and grep show."),
  searchMs: bound(10_000, "Milliseconds that glob and grep may take."),
  searchEntries: bound(200_000, "Files and folders that glob and grep look at."),
  searchFileBytes: bound(2_000_000, "Bytes of the largest file that grep looks into."),
});
export type FilesConfig = Static<typeof FilesConfig>;
