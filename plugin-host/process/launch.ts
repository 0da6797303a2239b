/** How a plugin's process is started: its permissions made into a command, and, where it has a network, the way out. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { requireRoom } from "@pincer/plugin-sdk/runtime/data-quota";
import { logBudget } from "@pincer/plugin-sdk/runtime/log-budget";
import { dataOf } from "../discovery.ts";
import type { FoundConfinement } from "../sandbox/confinement.ts";
import { createEgress, type Egress } from "../sandbox/egress.ts";
import { manyRequests } from "../sandbox/limits.ts";
import { admission } from "../sandbox/rules.ts";
import type { Launch } from "./process-instance.ts";
import { type Resolved, resolvePermissions } from "./resolved-permissions.ts";

interface LaunchDeps {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What runs plugins. */
  readonly runtime: string;
  readonly manifest: Manifest;
  /** Code of this repository, or one that the operator trusts: it runs also where nothing can confine it. */
  readonly isTrusted: boolean;
  /** How much one that is not may put into its folder for data. */
  readonly dataMb: number;
  readonly gatewayPort: number | undefined;
  config(): unknown;
  secret(name: string): Promise<string | undefined>;
  confinement(): Promise<FoundConfinement>;
}

/** The only way out of a confined process: it leads to what is named, and nowhere else. */
function openWayOut({ net, configured }: Resolved, { clock, log, gatewayPort, manifest: { id } }: LaunchDeps): Egress {
  const isLogged = logBudget(id, clock, log);
  return createEgress({
    clock,
    admits: admission(net, { configured, gatewayPort }),
    limits: { connections: 256, connectMs: 30_000 },
    told: ({ admitted, ...event }) =>
      isLogged() && log[admitted ? "debug" : "warn"](admitted ? "egress.admitted" : "egress.refused", { plugin: id, ...event }),
  });
}

/** What must be confined, where nothing can confine it. */
export function unconfined(id: string, { missing, mend }: Extract<FoundConfinement, { readonly missing: string }>): GatewayError {
  const what = `${id} is not of this repository, and nothing here can hold it to its permissions: ${missing}`;
  const accept = `or set plugins.${id}.unsandboxed to true if you trust it with every right of the gateway`;
  return pluginErrors.PLUGIN_UNTRUSTED(`${what}; ${mend}, ${accept}`, { data: { plugin: id } });
}

/** Throws `PLUGIN_UNTRUSTED`. */
export async function launch(run: string, deps: LaunchDeps): Promise<Launch & { readonly data: string }> {
  const { home, manifest, runtime, isTrusted, dataMb, config, secret, confinement } = deps;
  const { id } = manifest;
  const data = dataOf(home, id);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const found = await confinement();
  if ("missing" in found && !isTrusted) throw unconfined(id, found);
  if ("missing" in found) {
    const command = [process.execPath, "--no-env-file", "--config=/dev/null", runtime];
    const env = { ...manyRequests, BUN_BE_BUN: "1", HOME: data, PATH: process.env["PATH"] ?? "" };
    return { command, env, data, enforced: false, place: async (bundle) => bundle };
  }
  const room = isTrusted ? undefined : requireRoom(id, data, dataMb);
  room?.catch(() => undefined); // silent-ok: the plugin's code waits for it
  const resolved = await resolvePermissions(manifest, config(), secret, deps);
  const { net, limits } = resolved;
  const code = join(run, "code");
  mkdirSync(code, { mode: 0o700 });
  const what = { plugin: id, bun: process.execPath, entry: runtime, code, run, data, hidden: [home], ...resolved };
  const { proxyPort, code: seen, ...confined } = await found.confine(what);
  const place = async (bundle: string) => {
    await room;
    // With the map that puts the places of its own source into the stacks of errors.
    for (const end of ["", ".map"].filter((end) => existsSync(bundle + end))) copyFileSync(bundle + end, join(code, `plugin.js${end}`));
    return join(seen, "plugin.js");
  };
  const wayOut = net.length > 0 && { egress: openWayOut(resolved, deps), bridge: { net, ...(proxyPort !== undefined && { proxyPort }) } };
  return { ...confined, place, limits, enforced: true, ...wayOut, ...(!isTrusted && { keeps: { folder: data, mostMb: dataMb } }) };
}
