import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { FileTool } from "./file-tool.ts";
import { counted } from "./file-tool.ts";
import { nearest } from "./nearest.ts";
import { type Place, Refusal, type Root, readBytes, replace } from "./root.ts";
import { editable, encode, lineEnding, type Text, withEnding } from "./text.ts";

const EditArguments = Type.Object({
  path: Type.String(),
  old: Type.String({ minLength: 1, description: "Exact text, found once." }),
  new: Type.String(),
  all: Type.Optional(Type.Boolean({ description: "Replace every occurrence." })),
});

/** A file that is there, as text and as the place to write it to. */
export async function openText(root: Root, path: string, limit: number): Promise<{ place: Place; text: Text }> {
  await using file = await root.openFile(path);
  const bytes = await readBytes(file, limit);
  if (!bytes) throw new Refusal(`${path} has ${file.stats.size} bytes, more than the ${limit} that can be changed`);
  const text = editable(path, bytes);
  const place = await root.place(path, false);
  if (place.stats?.ino === file.stats.ino && place.stats.mtimeMs === file.stats.mtimeMs) return { place, text };
  await place[Symbol.asyncDispose]();
  throw new Refusal(`${path} was changed by somebody else in the meantime; read it again`);
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;
const quote = (text: string): string => (text.length > 2_000 ? `${text.slice(0, 2_000).toWellFormed()}…` : text);

function placesOf(text: string, part: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) places.push(at);
  return places;
}

export const edit: FileTool<typeof EditArguments> = {
  name: "edit",
  summary: "Replace text in a file.",
  access: "write",
  parameters: EditArguments,
  async run({ path, old, new: fresh, all = false }, { root, settings, signal }) {
    if (old === fresh) throw new Refusal("old and new are the same: nothing would change");
    const { place: opened, text: file } = await openText(root, path, settings.readBytes);
    await using place = opened;
    // Models write plain line feeds; a file keeps the line endings that it has.
    const isWide = lineEnding(file.text) === "\r\n";
    const part = isWide && placesOf(file.text, old).length === 0 ? withEnding(old, "\r\n") : old;
    const replacement = isWide && (part !== old || !old.includes("\n")) ? withEnding(fresh, "\r\n") : fresh;
    const places = placesOf(file.text, part);
    if (places.length === 0) {
      const near = nearest(file.text, old);
      const hint = near ? `; the nearest is at line ${near.line}:\n${quote(near.text)}` : "; read the file to see what it holds";
      throw new Refusal(`old was not found in ${path}${hint}`);
    }
    if (places.length > 1 && !all) {
      const lines = places.slice(0, 10).map((at) => lineAt(file.text, at));
      const more = places.length > lines.length ? ", …" : "";
      throw new Refusal(
        `old is in ${path} ${places.length} times, at lines ${lines.join(", ")}${more}; give more of the text around it, or say all: true`,
      );
    }
    const changed = all ? file.text.replaceAll(part, () => replacement) : file.text.replace(part, () => replacement);
    const bytes = encode(changed, file.encoding);
    if (bytes.length > settings.writeBytes) {
      throw new Refusal(`${path} would have ${bytes.length} bytes, more than the ${settings.writeBytes} that can be written`);
    }
    await replace(place, bytes, signal);
    const line = lineAt(file.text, places[0]!);
    return textOutcome(`changed ${counted(places.length, "place")} in ${place.path}, first at line ${line}`, {
      path: place.path,
      line,
      replaced: places.length,
    });
  },
};
