/** Which messages each golden text becomes, for the test that compares them and for whoever writes them anew. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { render } from "./render.ts";
import { records } from "./sources.ts";

export const folder = join(import.meta.dir, "golden");
export const names = ["markdown", "markdown of a chat", "page", "html of a chat", "mrkdwn", "plain"];

/** The path of each file, and what should stand in it. */
export function goldens(): { readonly path: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) =>
      names.map((name) => {
        const source = readFileSync(join(folder, file), "utf8");
        const messages = render(source, { ...records[name]!, textLimit: file === "long.md" ? 300 : 4_000 });
        const text = messages.map((message) => `${message.text}\n`).join("======== next message ========\n");
        return { path: join(folder, `${file.slice(0, -3)}.${name.replaceAll(" ", "-")}.txt`), text };
      }),
    );
}
