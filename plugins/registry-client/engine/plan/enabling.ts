/** A plugin of this repository is turned on. */
import { filesOf } from "@pincer/plugin-kit/archive";
import { needsDependencies } from "@pincer/plugin-kit/install";
import type { LockEntry, LockedVersion } from "../home/lock.ts";
import { aboutPlugin, manifestFile } from "../package/about.ts";
import type { Embedded } from "../package/embedded.ts";
import { bytesOf, dependenciesIn, digestsOf } from "../package/package.ts";
import { compare } from "../package/review.ts";
import type { PlanItem } from "./plan.ts";
import { nothing, type Prepared } from "./prepared.ts";
import type { StepOf } from "./step.ts";

export function enabling(plugin: Embedded, before: LockEntry | undefined): Prepared & { readonly step: StepOf<"enable"> } {
  const { id, folder, manifest } = plugin;
  const files = filesOf(folder);
  const lockfile = bytesOf(files, "bun.lock");
  const locked: LockedVersion = {
    ...{ version: manifest.version, origin: { from: "embedded" } },
    ...digestsOf(files, bytesOf(files, manifestFile.plugins)!),
  };
  const item: PlanItem = {
    ...nothing,
    ...{
      kind: "plugins",
      id,
      action: before ? "update" : "enable",
      summary: manifest.summary,
      to: manifest.version,
      source: "this Pincer",
    },
    ...(before && { from: before.version }),
    ...{ size: files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: files.length, digest: locked.digest },
    dependencies: needsDependencies(folder) ? dependenciesIn(lockfile) : 0,
    ...compare(undefined, aboutPlugin(manifest)),
  };
  const isSame = before?.digest === locked.digest;
  const entry = { ...locked, ...(isSame && before.trees && { trees: before.trees }), ...(before?.pinned && { pinned: true as const }) };
  return { item, step: { do: "enable", plugin, entry } };
}
