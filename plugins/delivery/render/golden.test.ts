/** Texts and the messages they become, as files: for a reader the quickest way to see what the writers do. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { records } from "../../../tests/fuzz/markdown.ts";
import { render } from "./render.ts";

const folder = join(import.meta.dir, "golden");
const names = ["markdown", "markdown of a chat", "page", "html of a chat", "mrkdwn", "plain"];
const sources = readdirSync(folder).filter((file) => file.endsWith(".md"));

test("there are golden texts", () => expect(sources.length).toBeGreaterThan(2));

for (const file of sources) {
  for (const name of names) {
    test(`${file} as ${name}`, () => {
      const messages = render(readFileSync(join(folder, file), "utf8"), { ...records[name]!, textLimit: file === "long.md" ? 300 : 4_000 });
      const text = messages.map((message) => `${message.text}\n`).join("======== next message ========\n");
      expect(text).toBe(readFileSync(join(folder, `${file.slice(0, -3)}.${name.replaceAll(" ", "-")}.txt`), "utf8"));
    });
  }
}
