/** `pincer plugins`. */
import { bold, dim, dot, green, red } from "@pincer/plugin-sdk/command/colour";
import { columns, table } from "@pincer/plugin-sdk/command/columns";
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import type { Permissions } from "@pincer/plugin-sdk/manifest";
import { describePlugin } from "../../plugin-kit/description.ts";
import { asking } from "./client.ts";
import type { Run } from "./command.ts";

export interface Plugin extends Omit<PluginInfo, "error"> {
  readonly version: string | null;
  readonly summary: string;
  readonly permissions: Permissions;
  readonly error: { readonly message: string } | null;
}

const painted: Readonly<Record<string, (text: string) => string>> = { active: green, failed: red, disabled: dim };

export const list = asking(async (client) => {
  const { plugins } = await client.call<{ plugins: Plugin[] }>("plugins.status", {});
  const rows = plugins.map(({ id, version, state, summary, error }) => [
    id,
    version ?? "",
    (painted[state] ?? String)(state),
    error ? red(error.message) : summary,
  ]);
  return [plugins, table(["id", "version", "state", "what for"], rows)];
});

export const inspect = asking(async (client, { args: [pluginId] }) => {
  const { plugins } = await client.call<{ plugins: Plugin[] }>("plugins.status", { pluginId });
  const { id, version, state, generation, summary, folder, isolation, enforced, manifest, error } = plugins[0]!;
  const idle = state === "active" ? "nothing confines it on this machine" : "the system holds it to its permissions when it runs";
  const how = { inline: "trusted code, its permissions are checked by name only", process: idle }[isolation];
  const rows: [string, string][] = [
    [dim("state"), `${(painted[state] ?? String)(state)}${generation > 0 ? ` (generation ${generation})` : ""}`],
    ...(error ? [[dim("error"), red(error.message)] as [string, string]] : []),
    [dim("runs"), `${isolation}: ${enforced ? "the system holds it to its permissions" : how}`],
    [dim("folder"), folder],
  ];
  const parts = (manifest ? describePlugin(manifest) : []).flatMap(({ title, rows }) => [
    "",
    bold(title),
    ...columns(rows, { indent: "  " }),
  ]);
  return [plugins[0], [`${bold(id)} ${version ?? ""}  ${summary}`, ...columns(rows, { indent: "  " }), ...parts].join("\n")];
});

export const reload = asking(async (client, { args: [pluginId] }) => {
  const answer = await client.call<{ generation: number; visibleMs: number }>("plugins.reload", { pluginId }, { timeoutMs: 0 });
  return [answer, `${dot("good")} ${pluginId} runs in generation ${answer.generation}, visible after ${Math.round(answer.visibleMs)} ms`];
});

const setEnabled = (enabled: boolean): Run =>
  asking(async (client, { args: [pluginId] }) => {
    const answer = await client.call<{ plugin: { error?: string } }>("plugins.setEnabled", { pluginId, enabled }, { timeoutMs: 0 });
    const but = enabled && answer.plugin.error ? `, but does not work: ${red(answer.plugin.error)}` : "";
    return [answer, `${dot("good")} ${pluginId} is ${enabled ? "on" : "off"}${but}`];
  });
export const enable = setEnabled(true);
export const disable = setEnabled(false);
