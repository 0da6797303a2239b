/** `pincer config get` and `set`: through the gateway when one runs, else in the file. */
import { dim, dot } from "@pincer/plugin-sdk/command/colour";
import { columns, paragraph } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { type Json, type JsonObject, jsonOf, leavesOf, parseJson5, putAt, valueAt } from "@pincer/plugin-sdk/json5";
import { redact } from "@pincer/plugin-sdk/redact";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { connect } from "./client.ts";
import { type Run, usageError } from "./command.ts";
import { CliError } from "./failure.ts";
import { type Home, holder, makeHome, writeFirstConfig } from "./home.ts";
import { readWholeConfig } from "./whole-config.ts";

const shown = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** What the file says of each section, and which it says nothing of. */
function sections(value: Json, written: Json, { configFile }: Home): string {
  const lines = (of: Json) => leavesOf(of).map(([path, leaf]) => `${path} = ${JSON.stringify(leaf)}`);
  const all = Object.entries(written as JsonObject).map(([name, of]) => [name, lines(of).join("\n")] as const);
  const said = all.filter(([, text]) => text !== "");
  const silent = Object.keys(value as JsonObject).filter((name) => !said.some(([known]) => known === name));
  const rest = paragraph(dim(`${said.length === 0 ? "nothing is set; " : ""}with their defaults: ${silent.join(", ")}`), "");
  return [...columns(said), rest, dim(`what is in force: pincer config get gateway, or --all; the file: ${configFile}`)].join("\n");
}

export const get: Run = async ({ args, flags, home, terminal }) => {
  const path = (args[0] ?? "").split(".").filter(Boolean);
  let [value, written]: Json[] = [];
  if (holder(home)) {
    using client = await connect(home);
    ({ config: value, parsed: written } = await client.call<{ config: Json; parsed: Json }>("config.get", {}));
  } else {
    const { current, isSecret } = readWholeConfig(home);
    [value, written] = [current().value, current().written ?? {}].map((each) => redact(each, isSecret));
  }
  const found = valueAt(value, path);
  if (found === undefined) {
    const paths = (await import("./completion.ts")).pathsIn(readWholeConfig(home).schema()).map(([known]) => known);
    const near = paths.includes(args[0]!) ? "" : suggestion(args[0]!, paths);
    throw new CliError(`nothing is set at ${args[0]}${near}`, { next: "pincer config get" });
  }
  terminal.result(found, path.length > 0 || flags["all"] ? shown(found) : sections(found, written ?? {}, home));
  return EXIT.done;
};

/** JSON where it is JSON, else the text itself, so that `config set gateway.bind lan` needs no quotes. */
function parsed(text: string): Json {
  try {
    return jsonOf(parseJson5(text));
  } catch {
    return text; // silent-ok: a plain word is meant as a text
  }
}

export const set: Run = async ({ args, flags, home, terminal }) => {
  const [path = "", text] = args;
  if ((text === undefined) !== (flags["unset"] === true)) throw usageError("give a value, or --unset");
  const value = text === undefined ? null : parsed(text);
  const steps = path.split(".");
  let changed: readonly string[] = [path];
  if (holder(home)) {
    using client = await connect(home);
    const { hash } = await client.call<{ hash: string }>("config.get", {});
    const patch = { raw: JSON.stringify(putAt({}, steps, value)), baseHash: hash, replacePaths: [path] };
    ({ changedPaths: changed } = await client.call<{ changedPaths: string[] }>("config.patch", patch));
  } else {
    makeHome(home);
    writeFirstConfig(home);
    await readWholeConfig(home).set(steps, value === null ? undefined : value);
  }
  const how = text === undefined ? "is unset" : `= ${shown(value)}`;
  terminal.result({ ok: true, changedPaths: changed }, `${dot("good")} ${path} ${how}${changed.length === 0 ? dim("  (as it was)") : ""}`);
  return EXIT.done;
};
