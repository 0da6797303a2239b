/** Types the page of the first conversation again: its commands in a terminal, and what Ada writes on an imitated Telegram. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startFakeTelegram } from "../channels/fakes/telegram/server.ts";
import { createCliHome } from "../support/cli.ts";

const page = readFileSync(join(dirname(dirname(import.meta.dir)), "docs", "channels", "first-conversation.md"), "utf8");
const ada = { id: 42, first_name: "Ada" };

/** What somebody typed or wrote, and the lines that came. */
interface Step {
  readonly by: "$" | "Ada" | "Pincer";
  readonly text: string;
  readonly lines: readonly string[];
}

const stepsOf = (block: string): readonly Step[] =>
  block
    .split(/^(?=\$ |Ada: |Pincer: )/m)
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [first = "", ...lines] = part.split("\n").filter((line) => line.trim() !== "");
      const [, by, text = ""] = /^(\$|Ada|Pincer):? (.*)$/.exec(first) ?? [];
      return { by: by as Step["by"], text, lines };
    });

/** Without what is another one each time, and without the breadth of columns. */
const lasting = (text: string): string =>
  text
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "<address>")
    .replace(/#login=[\w-]+/g, "#login")
    .replace(/\(\d+\.\d+ s\)/g, "<time>")
    .replace(/\d+ m?s ago +\d+/g, "<when> <tokens>")
    .replace(/\b[A-Z0-9]{8}\b/g, "<code>")
    .replace(/ +/g, " ");

/** A command line, as a shell splits it. */
const wordsOf = (line: string): readonly string[] => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");

test("the first conversation goes as its page says", async () => {
  await using telegram = startFakeTelegram();
  await using home = createCliHome();
  let code = "";
  let answers = 0;
  const steps = [...page.matchAll(/^```(?:console|text)\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => stepsOf(block));
  for (const { by, text, lines } of steps) {
    if (by === "Ada") telegram.write(ada, { text });
    else if (by === "Pincer") {
      const wanted = [text, ...lines].map((line) => lasting(line).trim());
      const index = answers++;
      const heard = () => lasting(telegram.world.sent[index]?.text ?? "");
      await telegram.until(() => wanted.every((line) => heard().includes(line)));
      code = /\b[A-Z0-9]{8}\b/.exec(telegram.world.sent[index]?.text ?? "")?.[0] ?? code;
    } else {
      const now = text.replace(/http:\/\/127\.0\.0\.1:\d+/, telegram.url).replace(/\b[A-Z0-9]{8}\b/, code);
      const [first, ...words] = wordsOf(now);
      expect(first).toBe("./pincer");
      const { code: exit, out, err } = await home.pincer(words, words[0] === "secrets" ? { stdin: telegram.token } : {});
      expect({ text, exit, err }).toEqual({ text, exit: 0, err: "" });
      const said = lasting(out);
      // Only a person at a terminal is asked.
      for (const line of lines.filter((one) => !one.startsWith("Value of "))) expect(said).toContain(lasting(line).trim());
    }
  }
  expect(steps.length).toBeGreaterThan(10);
}, 120_000);
