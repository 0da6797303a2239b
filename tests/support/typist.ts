/** Types what a page shows into a terminal, and writes down what comes: `$ command` with what it said below, files as they stand there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Typist {
  /** In which everything is typed. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands for something else on the page: an address, a token. By what the page has. */
  readonly standsFor: ReadonlyMap<RegExp, string>;
  /** What is typed where nothing is shown. */
  readonly hidden: string;
}

const columns = 100;
/** What is fetched, which comes in another order each time. */
const progress = /^[\w-]+: fetching /;
const blocks = /^(```(console|\w+ (\S+))\n)([\s\S]*?)^```$/gm;

/** The page as it is now: the same commands and answers, and what comes of them today. */
export async function typed(page: string, typist: Typist): Promise<string> {
  let now = "";
  let read = 0;
  for (const { 0: whole, 1: head, 2: language, 3: file, 4: text = "", index } of page.matchAll(blocks)) {
    now += page.slice(read, index);
    read = index + whole.length;
    if (file !== undefined) {
      mkdirSync(dirname(join(typist.folder, file)), { recursive: true });
      writeFileSync(join(typist.folder, file), text);
    }
    now += language === "console" ? `${head}${await session(text, typist)}\`\`\`` : whole;
  }
  return now + page.slice(read);
}

async function session(text: string, typist: Typist): Promise<string> {
  const came: string[] = [];
  for (const part of text.split(/^(?=\$ )/m)) {
    const [line = "", ...lines] = part.split("\n");
    const answers = lines.flatMap((said) => /\[y\/N\] (.*)$/.exec(said)?.[1] ?? []);
    came.push(`${line}\n${await command(line.slice(2), answers, typist)}`);
  }
  return came.join("\n");
}

async function command(line: string, answers: readonly string[], { folder, env, standsFor, hidden }: Typist): Promise<string> {
  const real = [...standsFor].reduce((text, [shown, meant]) => text.replace(shown, meant), line);
  const waiting = [...answers];
  let said = "";
  const decoder = new TextDecoder();
  const ended = Promise.withResolvers<void>();
  const started = Bun.spawn(["sh", "-c", real], {
    ...{ cwd: folder, env },
    terminal: {
      ...{ cols: columns, rows: 40 },
      data(terminal, bytes) {
        said += decoder.decode(bytes, { stream: true });
        const shown = Bun.stripANSI(said);
        if (shown.endsWith("[y/N] ") && waiting.length > 0) terminal.write(`${waiting.shift()}\r`);
        if (shown.endsWith("(not shown): ")) terminal.write(`${hidden}\r`);
      },
      exit: () => ended.resolve(),
    },
  });
  await Promise.all([started.exited, ended.promise]);
  const lines = Bun.stripANSI(said).replaceAll("\r", "").trimEnd().split("\n");
  const plain = lines
    .filter((each) => !progress.test(each))
    .map((each) => `${each.trimEnd()}\n`)
    .join("")
    .replaceAll(folder, "/home/ada");
  const shown = [...standsFor].reduce((text, [pattern, meant]) => text.replaceAll(meant, pattern.exec(line)?.[0] ?? meant), plain);
  return shown === "\n" ? "" : shown;
}

/** Without what is another one each time. */
export const lasting = (text: string): string =>
  text
    .replace(/http:\/\/127\.0\.0\.1:\d+\/#login=[\w-]+/g, "<link>")
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "<address>")
    .replace(/\(\d+\.\d+ s\)/g, "<time>")
    .replace(/SHA256:[\w+/]{43}/g, "<fingerprint>")
    .replace(/\b[0-9a-f]{64}\b/g, "<digest>")
    .replace(/\d+(\.\d+)? [kKM]?B in \d+ files?/g, "<size>")
    .replace(/^( {2}size +)\d+ kB$/gm, "$1<size>")
    .replace(/\d{4}-\d\d-\d\d/g, "<date>")
    .replace(/\(pid \d+\)/g, "<pid>");
