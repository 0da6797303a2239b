/** `pincer plugins` and `pincer plugin build`. */
import { resolve } from "node:path";
import { buildPlugin } from "../plugins/build.ts";
import { connect } from "./client.ts";
import type { Invocation, Run } from "./command.ts";
import { EXIT } from "./failure.ts";
import { bold, columns, dim, green, red, table, yellow } from "./terminal.ts";

interface Plugin {
  readonly id: string;
  readonly version?: string | null;
  readonly summary?: string;
  readonly state: string;
  readonly generation?: number;
  readonly enforced?: boolean;
  readonly error?: { readonly message: string } | null;
}

const painted: Readonly<Record<string, (text: string) => string>> = { active: green, failed: red, disabled: dim };

export const list: Run = async ({ home, terminal }) => {
  using client = await connect(home);
  const { plugins } = await client.call<{ plugins: Plugin[] }>("plugins.status", {});
  const rows = plugins.map(({ id, version, state, summary, error }) => [
    id,
    version ?? "",
    (painted[state] ?? String)(state),
    error ? red(error.message) : (summary ?? ""),
  ]);
  terminal.result(plugins, table(["id", "version", "state", ""], rows));
  return EXIT.done;
};

export const inspect: Run = async ({ args: [id], home, terminal }) => {
  using client = await connect(home);
  const plugin = await client.call<Record<string, unknown>>("plugins.inspect", { pluginId: id });
  const rows = Object.entries(plugin).map(([key, value]): [string, string] => [
    bold(key),
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  terminal.result(plugin, columns(rows).join("\n"));
  return EXIT.done;
};

export const reload: Run = async ({ args: [id], home, terminal }) => {
  using client = await connect(home);
  const answer = await client.call<{ generation: number; visibleMs: number }>("plugins.reload", { pluginId: id }, { timeoutMs: 0 });
  terminal.result(answer, `${green("●")} ${id} runs in generation ${answer.generation}, visible after ${Math.round(answer.visibleMs)} ms`);
  return EXIT.done;
};

async function setEnabled({ args: [id], home, terminal }: Invocation, enabled: boolean): Promise<number> {
  using client = await connect(home);
  const answer = await client.call("plugins.setEnabled", { pluginId: id, enabled }, { timeoutMs: 0 });
  terminal.result(answer, `${enabled ? green("●") : yellow("●")} ${id} is ${enabled ? "on" : "off"}`);
  return EXIT.done;
}
export const enable: Run = (invocation) => setEnabled(invocation, true);
export const disable: Run = (invocation) => setEnabled(invocation, false);

export const build: Run = async ({ args: [folder = "."], flags, terminal }) => {
  const check = flags["check"] === true;
  const path = resolve(folder);
  const { manifest, isChanged } = await buildPlugin(path, check ? { check } : { bundle: `${path}/dist/${"plugin.js"}` });
  terminal.result(
    { ok: true, id: manifest.id, version: manifest.version, changed: isChanged },
    `${green("●")} ${bold(manifest.id)} ${manifest.version}: the manifest ${isChanged ? "is brought up to date" : "was up to date"}${check ? "" : `, bundled to ${dim(`${path}/dist/plugin.js`)}`}`,
  );
  return EXIT.done;
};
