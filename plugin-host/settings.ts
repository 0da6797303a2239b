/** What plugins add to the configuration: the same for a gateway that runs, and for a command that judges the file without one. */
import type { GatewayError } from "@pincer/plugin-sdk/error";
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { type TSchema, Type } from "@sinclair/typebox";
import type { Found } from "./discovery.ts";

export const CapabilitiesConfig = Type.Record(Type.String(), Type.String(), {
  default: {},
  description: "Which plugin provides a capability that only one can",
});

export interface IsolationSettings {
  readonly isolation?: "inline" | "process";
  readonly unsandboxed?: boolean;
}

/**
 * Where a plugin runs. Code of this repository runs here unless its manifest or the operator wishes otherwise. Everything else runs only when
 * the operator says so: in a process of its own, under the system's sandbox, or here, trusted with every right of the gateway.
 */
export function isolationOf(
  { root, manifest }: Pick<Found, "root" | "manifest">,
  { isolation: chosen, unsandboxed = false }: IsolationSettings = {},
): { readonly isolation: "inline" | "process"; readonly isTrusted: boolean; readonly isAllowed: boolean } {
  const isTrusted = root.layout === "source" || unsandboxed;
  const isolation = isTrusted ? (chosen ?? (root.layout === "source" ? (manifest?.isolation ?? "inline") : "inline")) : "process";
  return { isolation, isTrusted, isAllowed: isTrusted || chosen === "process" };
}

/** Why a plugin may not run as it is set. */
export function refusalOf(id: string, { isAllowed }: ReturnType<typeof isolationOf>): GatewayError | undefined {
  if (isAllowed) return undefined;
  const confined = `let it run confined: pincer config set plugins.${id}.isolation process (docs/security.md says what that does not keep it from)`;
  const whole = `or, if you trust it with every right of the gateway: pincer config set plugins.${id}.unsandboxed true`;
  return pluginErrors.PLUGIN_UNTRUSTED(`${id} is not of this repository, and does not run until you say how; ${confined}; ${whole}`);
}

const flag = Type.Optional(Type.Boolean());
const isolation = Type.Optional(Type.Union([Type.Literal("inline"), Type.Literal("process")]));

/** Dotted paths and what stands there; of the last, the plugin itself is told. */
export function settingsOf({ id, manifest }: Pick<Found, "id" | "manifest">): (readonly [path: string, schema: TSchema])[] {
  const own = Object.entries({ enabled: flag, unsandboxed: flag, isolation }).map(
    ([key, schema]) => [`plugins.${id}.${key}`, schema] as const,
  );
  const config = manifest?.generated?.config;
  return config ? [...own, [configPathOf(manifest), config]] : own;
}
