/** The entry of `pincer`. */
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { meant } from "@pincer/plugin-sdk/command/meant";
import { reachDirectly } from "@pincer/plugin-sdk/direct";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import kernel from "../package.json" with { type: "json" };
import { type CliCommand, checkArguments, commandHelp, familyHelp, inWordsOf, overview, parse, usageError } from "./command.ts";
import { commands, families } from "./commands.ts";
import { type CliError, toCliError } from "./failure.ts";
import { openHome } from "./home.ts";
import { createTerminal } from "./terminal.ts";

async function main(words: readonly string[]): Promise<number> {
  let terminal = createTerminal(words.includes("--json"));
  try {
    const isHelp = words[0] === "help";
    const builtin = parse(isHelp ? words.slice(1) : words, commands);
    const home = openHome(typeof builtin.flags["home"] === "string" ? builtin.flags["home"] : undefined);
    const known = builtin.command ? commands : [...commands, ...(await import("./plugin-commands.ts")).pluginCommands(home, commands)];
    const { command, args, handedOn, flags } = builtin.command ? builtin : parse(isHelp ? words.slice(1) : words, known, true);
    terminal = createTerminal(flags["json"] === true);
    if (!command) {
      const [first = ""] = args;
      const about: typeof families = Object.assign({}, ...known.map((c) => c.family && { [c.name.split(" ")[0]!]: c.family }), families);
      if (args.length === 1 && known.some(({ name }) => name.startsWith(`${first} `))) {
        const family = known.filter(({ name }) => name.startsWith(`${first} `));
        terminal.result(family, familyHelp(first, family, about[first] ?? ""));
        return isHelp || flags["help"] ? EXIT.done : EXIT.usage;
      }
      if (args.length > 0) throw unknown(args, known);
      terminal.result(known, overview(known, about, kernel.version));
      return EXIT.done;
    }
    if (isHelp || flags["help"]) {
      terminal.result(command, commandHelp(command));
      return EXIT.done;
    }
    checkArguments(command, args);
    const run = await command.load();
    return await run({ args: [...args, ...handedOn], flags, home, terminal, commands }).catch((error) => {
      throw inWordsOf(toCliError(error), command, { args, flags });
    });
  } catch (error) {
    const failure = toCliError(error);
    terminal.fail(failure);
    return failure.exit;
  }
}

function unknown(args: readonly string[], known: readonly CliCommand[]): CliError {
  const [word = "", next] = args;
  const names = known.map(({ name }) => name);
  const inside = names.filter((name) => name.startsWith(`${word} `)).map((name) => name.slice(word.length + 1));
  const near = meant(next ?? "", inside) || suggestion(args.slice(0, 2).join(" "), names);
  if (inside.length > 0) return usageError(`there is no command "${word} ${next}"${near}`, { name: word, usage: `<${inside.join("|")}>` });
  return usageError(`there is no command "${word}"${meant(word, [...new Set(names.map((name) => name.split(" ")[0]!))])}`);
}

reachDirectly();
const words = process.argv.slice(2);
void main(words[0] === "--version" || words[0] === "-v" ? ["version"] : words).then((exitCode) => Object.assign(process, { exitCode }));
