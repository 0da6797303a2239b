/** What plugins add to the configuration: the same for a gateway that runs, and for a command that judges the file without one. */
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { type TSchema, Type } from "@sinclair/typebox";
import type { Found } from "./discovery.ts";

export const CapabilitiesConfig = Type.Record(Type.String(), Type.String(), {
  default: {},
  description: "Which plugin provides a capability that only one can",
});

/** Dotted paths and what stands there; of the last, the plugin itself is told. */
export function settingsOf({ id, manifest }: Pick<Found, "id" | "manifest">): (readonly [path: string, schema: TSchema])[] {
  const own = ["enabled", "unsandboxed"].map((key) => [`plugins.${id}.${key}`, Type.Optional(Type.Boolean())] as const);
  const config = manifest?.generated?.config;
  return config ? [...own, [configPathOf(manifest), config]] : own;
}
