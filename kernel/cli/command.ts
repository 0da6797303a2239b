/** What a command of the CLI is, how its arguments are read, and how its help looks. */
import type { Command } from "@pincer/plugin-sdk";
import { bold, dim } from "@pincer/plugin-sdk/command/colour";
import { columns, pageWidth } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { UsageFlag } from "@pincer/plugin-sdk/command/usage";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { CliError } from "./failure.ts";
import type { Home } from "./home.ts";
import type { Terminal } from "./terminal.ts";

export interface Flag extends UsageFlag {
  readonly short?: string;
  readonly summary: string;
  /** The command is handed it among its arguments, as it was typed. */
  readonly isHandedOn?: true;
}

export interface Invocation {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string | true>>;
  readonly home: Home;
  readonly terminal: Terminal;
  /** Every command of the CLI's own. */
  readonly commands: readonly CliCommand[];
}

/** Answers the exit code. */
export type Run = (invocation: Invocation) => Promise<number>;

export interface CliCommand extends Pick<Command, "family"> {
  /** One word or two: `config get`. */
  readonly name: string;
  readonly group: Group;
  readonly summary: string;
  /** Positional arguments: `<needed> [maybe] [many...]`. */
  readonly usage?: string;
  readonly flags?: readonly Flag[];
  readonly examples?: readonly string[];
  load(): Promise<Run>;
}

/** What the commands that share a first word are about. */
export type Families = Readonly<Record<string, string>>;

const groups = ["Run", "Talk", "Set up", "Develop", "Plugins", "About"] as const;
export type Group = (typeof groups)[number];

export const commonFlags: readonly Flag[] = [
  { name: "json", summary: "Answer in JSON, errors too" },
  { name: "home", value: "folder", summary: "Another home than PINCER_HOME or ~/.pincer" },
  { name: "help", short: "h", summary: "Show this help" },
];

/**
 * Splits words into a command of the table, its arguments and its flags. Throws a usage error that says what is wrong. `parseArgs` of
 * node:util would do, but loading that costs the start of a gateway 2 ms. `isEvery`: the table has the commands of plugins too.
 */
export function parse(words: readonly string[], commands: readonly CliCommand[], isEvery = false) {
  const plain = words.filter((word, i) => !word.startsWith("-") && words[i - 1] !== "--home");
  const named = (name: string) => commands.find((command) => command.name === name);
  const command = named(plain.slice(0, 2).join(" ")) ?? named(plain[0] ?? "");
  const known = command ? [...(command.flags ?? []), ...commonFlags] : commonFlags;
  const names = known.map(({ name }) => name);
  const flags: Record<string, string | true> = {};
  const [args, handedOn]: [string[], string[]] = [[], []];
  let isLiteral = false;
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!;
    if (isLiteral || !/^-./.test(word)) args.push(word);
    else if (word === "--") isLiteral = true;
    else {
      const [, spelled = "", inline] = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
      const flag = known.find(({ name, short }) => (word.startsWith("--") ? name : short) === spelled);
      if (!flag && !command && plain.length > 0 && !(isEvery && i === 0)) continue; // of a plugin's command, or of none: nothing can be said of it yet
      if (!flag) throw usageError(`unknown option ${word}${suggestion(spelled, names).replace(/"(.*)"/, "--$1")}`, command);
      if (flag.value === undefined && inline !== undefined) throw usageError(`--${flag.name} takes no value`, command);
      const takesNext = flag.value !== undefined && inline === undefined;
      const value = flag.value === undefined ? true : takesNext ? words[i + 1] : inline;
      if (value === undefined) throw usageError(`--${flag.name} needs a value: <${flag.value}>`, command);
      if (takesNext) i += 1;
      if (flag.isHandedOn) handedOn.push(`--${flag.name}`, ...(value === true ? [] : [value]));
      else flags[flag.name] = value;
    }
  }
  return { command, flags, handedOn, args: command ? args.slice(command.name.split(" ").length) : args };
}

/** Refuses too few and too many arguments. */
export function checkArguments(command: CliCommand, args: readonly string[]): void {
  const wanted = (command.usage ?? "").split(" ").filter((word) => word !== "");
  const missing = wanted.filter((word) => word.startsWith("<"))[args.length];
  if (missing) throw usageError(`${missing} is missing`, command);
  if (args.length > wanted.length && !command.usage?.endsWith("...]"))
    throw usageError(`"${args[wanted.length]}" is one argument too many`, command);
}

export function usageError(message: string, command?: Pick<CliCommand, "name" | "usage" | "flags">): CliError {
  const { name = "", usage, flags = [] } = command ?? {};
  const whole = [`pincer ${name}`, usage, flags.length > 0 && "[options]"].filter(Boolean).join(" ");
  return new CliError(message, { exit: EXIT.usage, next: command && `${whole}\nmore: pincer ${name} --help` });
}

/** What the gateway refused of a command's words, in those words: its methods and their parameters nobody has typed. With wrong usage goes what is right. */
export function inWordsOf(error: CliError, command: CliCommand, words: Pick<Invocation, "args" | "flags">) {
  const { name, usage = "", flags = [] } = command;
  const { code, details, exit } = error;
  if (exit === EXIT.usage && error.next === undefined)
    return new CliError(error.message, { code, details, exit, next: usageError("", command).next });
  const { path = "", expected, got } = (error.details ?? {}) as { readonly [Part in "path" | "expected" | "got"]?: string };
  const key = path.slice(1).toLowerCase();
  if (error.code !== "BUS_PARAMS_INVALID" || name === "call" || expected === undefined) return error;
  const places = usage.split(" ").map((word, i) => [word.replace(/[^\w-]/g, ""), word, words.args[i]] as const);
  const all = [...places, ...flags.map((flag) => [flag.name, `--${flag.name}`, words.flags[flag.name]] as const)];
  const place = all.find(([word]) => word !== "" && (key.startsWith(word.toLowerCase()) || key.endsWith(word.toLowerCase())));
  const [, shown = path.slice(1), typed] = place ?? [];
  const came = typeof typed === "string" ? JSON.stringify(typed) : got;
  return usageError(`${shown}: expected ${expected}, came ${came}`, command);
}

/** Asked for by who shows one: to look at the terminal takes a gateway a tenth of its start. */
const page = () => ({ indent: "  ", edge: pageWidth() });

const spelledFlag = ({ name, short, value }: Flag): string => `${short ? `-${short}, ` : ""}--${name}${value ? ` <${value}>` : ""}`;

export function commandHelp({ name, summary, usage, flags = [], examples }: CliCommand): string {
  const all = [...flags, ...commonFlags].map((flag): [string, string] => [spelledFlag(flag), flag.summary]);
  return [
    `${bold(`pincer ${name}`)}${usage ? ` ${usage}` : ""}`,
    `  ${summary}`,
    "",
    bold("Options"),
    ...columns(all, page()),
    ...(examples ? ["", bold("Examples"), ...examples.map((example) => `  ${dim("$")} ${example}`)] : []),
  ].join("\n");
}

/** Commands of two words share a line; `pincer <first word> --help` lists them. */
export function overview(commands: readonly CliCommand[], families: Families, version: string): string {
  const rowsOf = (group: Group): (readonly [string, string])[] => {
    const inGroup = commands.filter((command) => command.group === group);
    const firsts = [...new Set(inGroup.map(({ name }) => name.split(" ")[0]!))];
    return firsts.map((first) => {
      const alone = inGroup.find(({ name }) => name === first);
      const seconds = inGroup.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));
      return [first, alone ? alone.summary : `${families[first] ?? ""} ${dim(`(${seconds.join(", ")})`)}`];
    });
  };
  const width = Math.max(...groups.flatMap(rowsOf).map(([name]) => Bun.stringWidth(name)));
  const sections = groups.flatMap((group) => {
    const rows = rowsOf(group);
    return rows.length === 0 ? [] : [bold(group), ...columns(rows, { ...page(), least: width }), ""];
  });
  return [
    `${bold("Pincer")} ${dim(version)}  a gateway for your own AI agents`,
    "",
    ...sections,
    dim("Begin with: pincer up.   More: pincer <command> --help"),
    dim("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not running, 4 refused, 130 interrupted"),
  ].join("\n");
}

export function familyHelp(first: string, commands: readonly CliCommand[], summary: string): string {
  const rows = commands.map(({ name, usage, summary: what }) => [[name, usage].filter(Boolean).join(" "), what] as const);
  const more = dim(`More: pincer ${first} <command> --help`);
  return [`${bold(`pincer ${first}`)}  ${summary}`, "", ...columns(rows, page()), "", more].join("\n");
}
