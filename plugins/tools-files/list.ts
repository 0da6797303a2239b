import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import { counted, type FileTool } from "./file-tool.ts";
import { seen } from "./root.ts";
import { shownPath } from "./text.ts";
import { walk } from "./walk.ts";

const ListArguments = Type.Object({
  path: Type.Optional(Type.String()),
  depth: Type.Optional(Type.Integer({ minimum: 1, maximum: 8 })),
});

export const list: FileTool<typeof ListArguments> = {
  name: "list",
  summary: "List the files of a folder.",
  access: "read",
  parameters: ListArguments,
  async run({ path = ".", depth = 1 }, workspace) {
    await using folder = await workspace.root.openFolder(path);
    const most = workspace.settings.results;
    // Asked for by name, one folder is shown as it is; deeper looks leave out what is ignored.
    const { entries, stopped } = walk(folder, workspace, { ignored: depth === 1, depth });
    const lines: string[] = [];
    let more = false;
    for await (const { below, kind } of entries) {
      more = lines.length >= most;
      if (more) break;
      const at = join(folder.base, below);
      // A name in the folder itself is looked at where it is; what lies deeper is shown by name alone.
      const direct = !below.includes("/");
      const name = shownPath(below);
      if (kind === "folder") lines.push(`${name}/`);
      else if (kind === "link") lines.push(direct ? `${name} -> ${shownPath(await readlink(at).catch(() => "?"))}` : `${name} (link)`);
      else lines.push(direct ? `${name} (${(await seen(at))?.size ?? "?"} bytes)` : name);
    }
    const notes = [
      ...(more ? [`[only the first ${most} are shown; list a folder inside it, or use glob]`] : []),
      ...(stopped() ? [`[stopped ${stopped()}]`] : []),
    ];
    const text = lines.length === 0 ? `${folder.path} is empty` : [...lines, ...notes].join("\n");
    return textOutcome(text, { path: folder.path, shown: counted(lines.length, "entry"), complete: notes.length === 0 });
  },
};
