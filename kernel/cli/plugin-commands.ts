/** Commands that plugins add to the CLI: listed from their manifests; a plugin's code is loaded when its command is called. */
import { join } from "node:path";
import type { CommandIo } from "@pincer/plugin-sdk";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { discover, type Found } from "../../plugin-host/discovery.ts";
import { record } from "../../plugin-kit/record.ts";
import { type Client, connect } from "./client.ts";
import type { CliCommand, Run } from "./command.ts";
import { type Home, repository } from "./home.ts";

export const pluginFolders = (home: Home) =>
  [
    { path: join(repository, "plugins"), layout: "source" },
    { path: join(home.path, "plugins"), layout: "installed" },
  ] as const;

export function pluginCommands(home: Home): readonly CliCommand[] {
  return [...discover(pluginFolders(home)).values()].flatMap((plugin) =>
    Object.entries(plugin.manifest?.generated?.commands ?? {}).map(
      ([name, { summary, usage }]): CliCommand => ({
        name,
        group: "Plugins",
        summary,
        // As the plugin writes it: "<file> [options]", or with the command's name before it.
        usage: usage.replace(/^(pincer +)?/, "").replace(new RegExp(`^${name} *`), "") || "[arguments...]",
        load: async () => run(plugin, name),
      }),
    ),
  );
}

const run =
  ({ folder, manifest }: Found, name: string): Run =>
  async ({ args, home, terminal }) => {
    const aborted = new AbortController();
    process.once("SIGINT", () => aborted.abort());
    // A command that never calls the gateway works without one.
    let client: Promise<Client> | undefined;
    const io: CommandIo = {
      call: async (method, params) => {
        client ??= connect(home);
        return (await client).call(method, params, { timeoutMs: 0 });
      },
      print: terminal.print,
      json: terminal.json,
      signal: aborted.signal,
    };
    // Handed out of `record`, which takes whatever is thrown inside for a failure of setup.
    const ended = await record(folder, manifest!, systemClock, async (registered) =>
      Promise.allSettled([registered.get("commands", name)!.run(args, io)]),
    );
    if (client) (await client.catch(() => undefined))?.[Symbol.dispose](); // silent-ok: the command was told
    const [outcome] = ended;
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  };
