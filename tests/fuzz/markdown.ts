/** Markdown that tests make from a seed, whose words are numbered so that they can be found again. */
import type { ChannelRecord, Mark } from "@pincer/plugin-sdk/contracts/channel";
import { type Random, randomOf } from "./random.ts";

const chat: Mark[] = ["bold", "italic", "strike", "code", "code-block", "link", "quote"];
const base = { label: "Any", idempotentSend: false } as const;

export const records: Readonly<Record<string, Omit<ChannelRecord, "textLimit">>> = {
  markdown: { ...base, markup: "markdown" },
  "markdown of a chat": { ...base, markup: "markdown", marks: [...chat, "heading", "list"] },
  "markdown in bytes": { ...base, markup: "markdown", marks: chat, textUnit: "utf8" },
  page: { ...base, markup: "html" },
  "page in bytes": { ...base, markup: "html", textUnit: "utf8" },
  "html of a chat": { ...base, markup: "html", marks: chat, textCounts: "read" },
  "html of a chat, counted as sent": { ...base, markup: "html", marks: chat },
  mrkdwn: { ...base, markup: "mrkdwn" },
  plain: { ...base, markup: "plain" },
  "plain in bytes": { ...base, markup: "plain", textUnit: "utf8" },
};

const signs = [
  "*",
  "_",
  "`",
  "~",
  "<",
  ">",
  "&",
  "|",
  "[",
  "]",
  "#",
  "-",
  "+",
  "1.",
  "\\",
  "@",
  "!",
  "(",
  ")",
  "&amp;",
  "👩‍👩‍👧‍👦",
  "é",
  "שלום",
  "語",
  ":",
  "=",
  "~~",
  "**",
  "```",
];

export class Source {
  readonly #random: Random;
  /** Signs of markup stand between the words, to be read as they are. */
  readonly #hostile: boolean;
  #word = 0;

  constructor(seed: number, hostile: boolean) {
    this.#random = randomOf(seed);
    this.#hostile = hostile;
  }

  document(): string {
    return Array.from({ length: 1 + this.#random.below(6) }, () => this.#block(0)).join("\n\n");
  }

  #one(): string {
    const word = `w${++this.#word}`;
    if (!this.#hostile || !this.#random.chance(0.3)) return word;
    const sign = this.#random.pick(signs).replace(/^[!-/:-@[-`{-~]+$/, (text) => [...text].map((char) => `\\${char}`).join(""));
    return this.#random.pick([`${sign}${word}`, `${word}${sign}`, `${sign} ${word}`, `${sign}${word}${sign}`]);
  }

  #words(most: number): string {
    return Array.from({ length: 1 + this.#random.below(most) }, () => this.#one()).join(" ");
  }

  #inline(): string {
    const { pick, below } = this.#random;
    return Array.from({ length: 1 + below(4) }, () => {
      const [a, b] = [this.#words(6), this.#words(3)];
      return pick([
        () => `${a} **${b}**`,
        () => `${a} *${b}*`,
        () => `${a} ~~${b}~~`,
        () => `${a} **x *${b}***`,
        () => `${a} \`${b.replaceAll(/\\|`/g, "")}\``,
        () => `${a} [${b}](https://example.com/${below(100)}?a=1&b=2)`,
        () => `${a} ${b}.`,
        () => `${a}\n${b}`,
        () => `${a}  \n**${b}**`,
      ])();
    }).join(" ");
  }

  #block(depth: number): string {
    const { pick, below, chance } = this.#random;
    const indented = (text: string, by: string) => text.replaceAll("\n", `\n${by}`);
    const nested = () => (depth > 2 ? this.#inline() : this.#block(depth + 1));
    return pick([
      () => this.#inline(),
      () => this.#inline(),
      () => `${"#".repeat(1 + below(6))} ${this.#words(8)}`,
      () =>
        `\`\`\`${pick(["", "ts", "python"])}\n${Array.from({ length: 1 + below(8) }, () => this.#words(5).replaceAll(/\\|`/g, "")).join("\n")}\n\`\`\``,
      () => `> ${indented(nested(), "> ")}`,
      () => Array.from({ length: 1 + below(5) }, () => `- ${indented(nested(), "  ")}`).join(chance(0.5) ? "\n" : "\n\n"),
      () => Array.from({ length: 1 + below(5) }, (_, index) => `${index + 7}. ${indented(nested(), "    ")}`).join("\n"),
      () => Array.from({ length: 1 + below(3) }, () => `- [${pick(["x", " "])}] ${this.#inline().replaceAll("\n", " ")}`).join("\n"),
      () => `${this.#words(2)}\n\n---\n\n${this.#words(2)}`,
      () =>
        `| A | B |\n| - | -: |\n${Array.from({ length: 1 + below(4) }, () => `| ${this.#words(2).replaceAll("|", "")} | **${this.#words(2).replaceAll("|", "")}** |`).join("\n")}`,
    ])();
  }
}
