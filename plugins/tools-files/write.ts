import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { FileTool } from "./file-tool.ts";
import { Refusal, replace } from "./root.ts";

const WriteArguments = Type.Object({ path: Type.String(), content: Type.String() });

export const write: FileTool<typeof WriteArguments> = {
  name: "write",
  summary: "Write a whole text file; missing folders are made. To change a file, prefer edit.",
  access: "write",
  parameters: WriteArguments,
  async run({ path, content }, { root, settings, signal }) {
    const bytes = Buffer.from(content);
    if (bytes.length > settings.writeBytes) {
      throw new Refusal(`${bytes.length} bytes are more than the ${settings.writeBytes} that can be written; write a smaller file`);
    }
    await using place = await root.place(path, true);
    await replace(place, bytes, signal);
    const said = place.stats ? `replaced ${place.path}, which had ${place.stats.size} bytes` : `made ${place.path}`;
    return textOutcome(`${said}; it has ${bytes.length} bytes now`, { path: place.path, bytes: bytes.length, created: !place.stats });
  },
};
