/** `pincer protocol export`: every method and event that this gateway offers, as types for clients. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Exported, ExportedEvent, ExportedMethod } from "@pincer/plugin-sdk/wire-types/exported";
import { swift } from "@pincer/plugin-sdk/wire-types/swift";
import { typescript } from "@pincer/plugin-sdk/wire-types/typescript";
import { createGateway } from "../gateway.ts";
import kernel from "../package.json" with { type: "json" };
import { discover } from "../plugins/discovery.ts";
import { type Run, usageError } from "./command.ts";
import { EXIT } from "./failure.ts";
import { openHome } from "./home.ts";
import { pluginFolders } from "./plugin-commands.ts";

const formats: Readonly<Record<string, (exported: Exported) => string>> = {
  json: (exported) => `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...exported }, null, 2)}\n`,
  typescript,
  swift,
};

/** With schemas as they are in memory; as JSON they are plain. */
type Loose<T> = { readonly [K in keyof T]: T[K] extends string ? string : unknown };

/** From a gateway that is made in an empty home and never started: what it would offer, and nothing else. */
async function collect(): Promise<Exported> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-protocol-"));
  const gateway = await createGateway({ home: folder, env: {}, folders: [] });
  try {
    const methods: Record<string, Loose<ExportedMethod>> = {};
    const events: Record<string, Loose<ExportedEvent>> = {};
    const own = gateway.bus.own();
    for (const binding of own.methods) {
      const { summary, scope, params, result, accepted } = (await binding.resolve()).method;
      methods[binding.name] = {
        summary,
        scope: typeof scope === "string" ? scope : scope.least,
        params,
        result,
        ...(accepted && { accepted }),
      };
    }
    for (const { name, summary, scope, payload } of own.events) events[name] = { summary, scope, payload };
    for (const { manifest } of discover(pluginFolders(openHome(folder))).values()) {
      for (const [name, { summary, scope, params, result, accepted }] of Object.entries(manifest?.generated?.methods ?? {}))
        methods[name] = { summary, scope, params, result, ...(accepted && { accepted }) };
      for (const [name, { summary, scope, payload }] of Object.entries(manifest?.generated?.emits ?? {}))
        events[name] = { summary, scope, payload };
    }
    return JSON.parse(
      JSON.stringify({ protocol: 4, version: kernel.version, methods: sorted(methods), events: sorted(events) }),
    ) as Exported;
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
