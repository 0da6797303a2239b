/** What the demo says. */

export const LABEL =
  "> **Offline demo.** No model is behind these answers: rules on this machine write them. The tools, the files and this conversation are real.";

export const SETUP = `A real model takes over as soon as one is ready:

- **OpenAI**: \`pincer secrets set OPENAI_API_KEY\` keeps a key, or \`OPENAI_API_KEY=... pincer restart\`
- **Anthropic**: \`pincer secrets set ANTHROPIC_API_KEY\`, or \`ANTHROPIC_API_KEY=... pincer restart\`
- **On this machine, without an account**: start [Ollama](https://ollama.com) and \`ollama pull\` a model; it is found by itself, or where \`OLLAMA_HOST\` says
- **Any server that speaks OpenAI's API**: \`OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=... pincer restart\`

\`pincer config set models.default openai/gpt-5\` chooses one of several. In a clone it is \`./pincer\`.`;

export const HELP = `I understand a few plain sentences, and use the real tools for them:

- \`list the files\`, \`list the files in docs/\`
- \`show README.md\`, \`write notes.txt with buy milk\`
- \`search for "tea"\`, \`find files named *.md\`
- \`remember that I like tea\`, \`what do you remember?\`
- \`run date\`
- \`what time is it\`
- \`show me some markdown\`, \`count to 50\`

Several at once work too: \`list the files and tell me the time\`.`;

export const WHO = `I am the **offline demo** of Pincer: no AI model, but rules that recognise a few sentences and use the real tools. It lets you try streaming, tools, sessions and the page before you add a model.\n\n${SETUP}`;

export const UNKNOWN = (asked: string) =>
  `I'm sorry, I don't know what to do with “${asked}”. I am only the offline demo and understand a few sentences; a real model would understand you.\n\n${HELP}\n\n${SETUP}`;

export const MARKDOWN = `# Heading

A paragraph with **bold**, *italic*, ~~struck~~ and \`inline code\`, and a [link](https://example.com).

1. first
2. second
   - nested
   - list

- [x] done
- [ ] open

> A quotation, with a
> second line.

| Fruit | Colour | Price |
|:--|:-:|--:|
| Apple | red | 1.20 |
| Banana | yellow | 0.80 |

\`\`\`ts
export const greet = (name: string): string => \`Hello, \${name}!\`;
\`\`\`

---

Characters: Grüße, 日本語, العربية, 👩‍👩‍👧‍👦, 1 < 2 & 3 > 2.`;

export const countTo = (to: number): string => Array.from({ length: to }, (_, at) => at + 1).join(", ");

/** The time of day with its zone, and the date. */
export function timeText(now: number, timeZone: string): string {
  const time = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", timeZoneName: "short" }).format(now);
  const date = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(now);
  return `It is **${time}** (${timeZone}), ${date}.`;
}

/** A code block that its text cannot close. */
export function codeBlock(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/, "")}\n${fence}`;
}

const LANGUAGES: Readonly<Record<string, string>> = {
  ts: "ts",
  tsx: "tsx",
  js: "js",
  json: "json",
  md: "markdown",
  py: "python",
  sh: "sh",
  html: "html",
  css: "css",
};
export const languageOf = (path: string): string => LANGUAGES[path.slice(path.lastIndexOf(".") + 1).toLowerCase()] ?? "";

const LONGEST_SHOWN = 4000;
export const shown = (text: string): string =>
  text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}\n… (${text.length - LONGEST_SHOWN} more characters)`;
