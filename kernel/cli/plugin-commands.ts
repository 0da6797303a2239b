/** Commands that plugins add to the CLI: listed from their manifests; a plugin's code is loaded when its command is called. */
import type { CommandIo } from "@pincer/plugin-sdk";
import { argumentsIn, flagsIn } from "@pincer/plugin-sdk/command/usage";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { discover, type Found } from "../../plugin-host/discovery.ts";
import { type IsolationSettings, isolationOf } from "../../plugin-host/settings.ts";
import { knownManifests, readBundle } from "../../plugin-kit/known-manifests.ts";
import { record } from "../../plugin-kit/record.ts";
import { type Client, connect } from "./client.ts";
import type { CliCommand, Run } from "./command.ts";
import { type Home, pluginFolders } from "./home.ts";

const bundle = readBundle(import.meta.dir);

export function pluginCommands(home: Home, commands: readonly CliCommand[]): readonly CliCommand[] {
  return [...discover(pluginFolders(home), knownManifests(home.path, bundle)).values()].flatMap((plugin) =>
    Object.entries(plugin.manifest?.generated?.commands ?? {}).map(
      ([name, { summary, usage, flags = {}, family }]): CliCommand => ({
        name,
        group: commands.find((other) => other.name.split(" ")[0] === name.split(" ")[0])?.group ?? "Plugins",
        ...(family === undefined ? { summary } : { summary, family }),
        usage: argumentsIn(usage),
        flags: flagsIn(usage).map((flag) => ({ ...flag, summary: flags[flag.name] ?? "", isHandedOn: true })),
        load: async () => run(plugin, name),
      }),
    ),
  );
}

/** A command runs in this very process, with every right of whoever called it: not for code that nobody trusts that far. */
async function requireTrust(plugin: Found, name: string, home: Home): Promise<void> {
  const { readWholeConfig } = await import("./whole-config.ts");
  if (isolationOf(plugin, readWholeConfig(home).section<IsolationSettings | undefined>(`plugins.${plugin.id}`)()).isTrusted) return;
  const what = `pincer ${name} is of the plugin ${plugin.id}, which is not of this repository, and would run with your own rights`;
  throw pluginErrors.PLUGIN_UNTRUSTED(`${what}: set plugins.${plugin.id}.unsandboxed to true if you trust it that far`);
}

const run =
  (plugin: Found, name: string): Run =>
  async ({ args, home, terminal }) => {
    await requireTrust(plugin, name, home);
    const aborted = new AbortController();
    process.once("SIGINT", () => aborted.abort());
    // A command that never calls the gateway works without one.
    let client: Promise<Client> | undefined;
    const gateway = () => (client ??= connect(home));
    const io: CommandIo = {
      call: async (method, params) => (await gateway()).call(method, params, { timeoutMs: 0 }),
      on: async (event, listener) => (await gateway()).onEvent((name, payload) => name === event && listener(payload)),
      ...{ home: home.path, print: terminal.print, result: terminal.result, json: terminal.json },
      signal: aborted.signal,
    };
    // Handed out of `record`, which takes whatever is thrown inside for a failure of setup.
    const manifest = { ...plugin.manifest!, entry: bundle.entryOf(plugin) ?? plugin.manifest!.entry };
    const [outcome] = await record(plugin.folder, manifest, systemClock, async (registered) =>
      Promise.allSettled([registered.get("commands", name)!.run(args, io)]),
    );
    if (client) (await client.catch(() => undefined))?.[Symbol.dispose](); // silent-ok: the command was told
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  };
