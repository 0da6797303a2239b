import { refusedOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { FileTool } from "./file-tool.ts";
import { counted } from "./file-tool.ts";
import { Refusal, readBytes } from "./root.ts";
import { cutLine, decode, imageType } from "./text.ts";

const ReadArguments = Type.Object({
  path: Type.String(),
  offset: Type.Optional(Type.Integer({ minimum: 1, description: "First line." })),
  limit: Type.Optional(Type.Integer({ minimum: 1, description: "Number of lines." })),
});

export const read: FileTool<typeof ReadArguments> = {
  name: "read",
  summary: "Read a text file, or look at an image.",
  access: "read",
  parameters: ReadArguments,
  async run({ path, offset = 1, limit }, { root, settings }) {
    await using file = await root.openFile(path);
    const largest = Math.max(settings.readBytes, settings.imageBytes);
    const bytes = await readBytes(file, largest);
    if (!bytes) {
      throw new Refusal(`${path} has ${file.stats.size} bytes, more than the ${largest} that can be read; look into it with grep or exec`);
    }
    const mimeType = imageType(bytes);
    if (mimeType) {
      if (bytes.length > settings.imageBytes) {
        throw new Refusal(
          `the image ${path} has ${bytes.length} bytes, more than the ${settings.imageBytes} that can be shown; make it smaller`,
        );
      }
      const image = { type: "image" as const, data: Buffer.from(bytes).toString("base64"), mimeType };
      return { outcome: "ok", content: [{ type: "text", text: `${file.path} (${mimeType}, ${bytes.length} bytes)` }, image] };
    }
    if (bytes.length > settings.readBytes) {
      throw new Refusal(
        `${path} has ${bytes.length} bytes, more than the ${settings.readBytes} that can be read; look into it with grep or exec`,
      );
    }
    const decoded = decode(bytes);
    if (!decoded) return refusedOutcome(`${path} is a binary file of ${bytes.length} bytes, and text or an image was expected`);

    const lines = decoded.text.split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    if (lines.length === 0) return textOutcome(`${file.path} is empty`);
    if (offset > lines.length) throw new Refusal(`${path} has ${counted(lines.length, "line")}; line ${offset} was asked for`);
    const wanted = lines.slice(offset - 1, offset - 1 + Math.min(limit ?? settings.resultLines, settings.resultLines));
    const shown: string[] = [];
    let length = 0;
    for (const line of wanted) {
      const cut = cutLine(line, settings.lineChars);
      length += cut.length + 1;
      if (shown.length > 0 && length > settings.resultChars) break;
      shown.push(cut);
    }
    const last = offset - 1 + shown.length;
    const notes = [
      ...(decoded.lossy ? [`some bytes are not valid ${decoded.encoding} and are shown as \ufffd`] : []),
      ...(last < lines.length ? [`lines ${offset} to ${last} of ${lines.length}; read on with offset ${last + 1}`] : []),
    ];
    const text = [...shown, ...notes.map((note) => `[${note}]`)].join("\n");
    return textOutcome(text, { path: file.path, firstLine: offset, lastLine: last, lines: lines.length, bytes: bytes.length });
  },
};
