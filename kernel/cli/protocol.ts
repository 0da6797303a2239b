/** `pincer protocol export`: every method and event that this gateway offers, as types for clients. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { Exported } from "@pincer/plugin-sdk/wire-types/exported";
import { swift } from "@pincer/plugin-sdk/wire-types/swift";
import { typescript } from "@pincer/plugin-sdk/wire-types/typescript";
import { discover } from "../../plugin-host/discovery.ts";
import { createGateway } from "../gateway.ts";
import kernel from "../package.json" with { type: "json" };
import { type Run, usageError } from "./command.ts";
import { openHome, pluginFolders } from "./home.ts";

const formats: Readonly<Record<string, (exported: Exported) => string>> = {
  json: (exported) => `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...exported }, null, 2)}\n`,
  typescript,
  swift,
};

type Spoken = { readonly summary: string; readonly scope: unknown };
const least = (scope: unknown): unknown => (typeof scope === "object" && scope !== null && "least" in scope ? scope.least : scope);
const methodOf = ({ summary, scope, params, result, accepted }: Spoken & Partial<Record<"params" | "result" | "accepted", unknown>>) => ({
  summary,
  scope: least(scope),
  params,
  result,
  accepted,
});
const eventOf = ({ summary, scope, payload }: Spoken & { readonly payload?: unknown }) => ({ summary, scope, payload });

/** From a gateway that is made in an empty home and never started: what it would offer, and nothing else. */
async function collect(): Promise<Exported> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-protocol-"));
  const gateway = await createGateway({ home: folder, env: {}, folders: [] });
  try {
    const methods: Record<string, unknown> = {};
    const events: Record<string, unknown> = {};
    const own = gateway.bus.own();
    for (const binding of own.methods) methods[binding.name] = methodOf((await binding.resolve()).method);
    for (const event of own.events) events[event.name] = eventOf(event);
    for (const { manifest } of discover(pluginFolders(openHome(folder))).values()) {
      const { methods: theirs = {}, emits = {} } = manifest?.generated ?? {};
      for (const [name, method] of Object.entries(theirs)) methods[name] = methodOf(method);
      for (const [name, event] of Object.entries(emits)) events[name] = eventOf(event);
    }
    // Schemas as they are in memory become plain, and what is absent goes.
    const all = { protocol: 4, version: kernel.version, methods: sorted(methods), events: sorted(events) };
    return JSON.parse(JSON.stringify(all)) as Exported;
  } finally {
    await gateway.stop("done");
    rmSync(folder, { recursive: true, force: true });
  }
}

const sorted = <T>(table: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));

export const exportProtocol: Run = async ({ flags, terminal }) => {
  const format = formats[String(flags["format"] ?? "json")];
  if (!format) throw usageError(`--format is one of ${Object.keys(formats).join(", ")}`);
  const text = format(await collect());
  if (typeof flags["output"] === "string") writeFileSync(flags["output"], text);
  else terminal.print(text.trimEnd());
  return EXIT.done;
};
