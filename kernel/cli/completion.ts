/** `pincer completion`: a few lines for the shell, which ask `pincer completion words` what may stand next. */
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { childrenOf, type Shape } from "@pincer/plugin-sdk/shape";
import { type CliCommand, commonFlags, type Run, usageError } from "./command.ts";
import { pluginCommands } from "./plugin-commands.ts";
import bash from "./templates/completion.bash.txt";
import fish from "./templates/completion.fish.txt";
import zsh from "./templates/completion.zsh.txt";

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

/** What may stand in the place of the last word, each with its summary. */
function choices(words: readonly string[], known: readonly CliCommand[]): (readonly [word: string, summary: string])[] {
  const before = words.slice(0, -1);
  const typed = words.at(-1) ?? "";
  const command = known.find(({ name }) => [before.slice(0, 2).join(" "), before[0]].includes(name));
  if (command && typed.startsWith("-"))
    return [...(command.flags ?? []), ...commonFlags].map(({ name, summary }) => [`--${name}`, summary]);
  const started = before.length === 0 ? "" : `${before.join(" ")} `;
  const next = new Map<string, string>();
  for (const { name, summary } of known) {
    const [word, more] = name.startsWith(started) ? name.slice(started.length).split(" ") : [];
    if (word && !next.has(word)) next.set(word, more === undefined ? summary : "");
  }
  return [...next];
}

/** Everything below that a gateway in this home would let one set. */
export const pathsIn = (shape: Shape, path = ""): [path: string, summary: string][] =>
  childrenOf(shape).flatMap(([key, child]) =>
    key === "*" ? [] : [[path + key, child.title ?? child.description ?? ""], ...pathsIn(child, `${path}${key}.`)],
  );

export const completion: Run = async ({ args: [shell = "", ...words], home, terminal, commands }) => {
  const script = scripts[shell];
  if (shell !== "words" && !script) throw usageError(`"${shell}" is not one of ${Object.keys(scripts).join(", ")}`);
  const isPath = words.length === 3 && words[0] === "config" && !words[2]?.startsWith("-");
  const found = isPath
    ? pathsIn((await import("./whole-config.ts")).readWholeConfig(home).schema()).filter(([path]) => path.startsWith(words[2] ?? ""))
    : choices(words, [...commands, ...pluginCommands(home, commands)]);
  terminal.result(script ?? Object.fromEntries(found), script?.trimEnd() ?? found.map((choice) => choice.join("\t")).join("\n"));
  return EXIT.done;
};
