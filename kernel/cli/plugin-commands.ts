/** Commands that plugins add to the CLI: listed from their manifests; a plugin's code is loaded when its command is called. */
import { join } from "node:path";
import { discover, type Found } from "../plugins/discovery.ts";
import { record } from "../plugins/record.ts";
import { connect } from "./client.ts";
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
  ({ args, home, terminal }) =>
    record(folder, manifest!, async (registered) => {
      const aborted = new AbortController();
      process.once("SIGINT", () => aborted.abort());
      const client = connect(home);
      // A command that never calls the gateway works without one.
      client.catch(() => undefined); // silent-ok: told by the first call
      const code = await registered.get("commands", name)!.run(args, {
        call: async (method, params) => (await client).call(method, params, { timeoutMs: 0 }),
        print: terminal.print,
        json: terminal.json,
        signal: aborted.signal,
      });
      (await client.catch(() => undefined))?.[Symbol.dispose](); // silent-ok: there was none
      return code;
    });
