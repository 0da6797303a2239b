/** What is taken away again. */
import type { PackageName } from "@pincer/registry/name";
import type { Notice } from "../../notice.ts";
import { shownOrigin } from "../../sources/sources.ts";
import { keptWhere, leftOf } from "../home/left.ts";
import type { LockEntry } from "../home/lock.ts";
import type { Embedded } from "../package/embedded.ts";
import { installedAbout } from "../package/installed.ts";
import type { PlanItem } from "./plan.ts";
import { nothing, type Prepared } from "./prepared.ts";

const kept = (home: string, id: string, data: boolean): Notice =>
  data
    ? { code: "data", level: "warning", text: `what it kept is deleted: ${keptWhere(home, id)}` }
    : { code: "data", level: "note", text: `what it kept stays: ${keptWhere(home, id)}; "pincer remove ${id} --data" deletes that too` };

/** A package of others. */
export function removing(home: string, name: PackageName, entry: LockEntry, data: boolean): Prepared {
  const about = installedAbout(home, name);
  const item: PlanItem = {
    ...nothing,
    ...{ ...name, action: "remove", summary: about?.summary ?? "", from: entry.version, source: shownOrigin(entry.origin) },
    // A skill keeps nothing: what lies there is of a plugin that has its name.
    notices: name.kind === "skills" ? [] : [kept(home, name.id, data)],
  };
  return { item, step: { do: "remove", name, data, manifest: about?.manifest } };
}

/** What a plugin kept that was removed before, if it did. */
export function forgetting(home: string, id: string): Prepared | undefined {
  const left = leftOf(home, id);
  if (!left) return undefined;
  const { version } = left;
  const item: PlanItem = {
    ...nothing,
    ...{ kind: "plugins", id, action: "remove", summary: "", source: version ? shownOrigin(version.origin) : "nobody knows where" },
    ...(version && { from: version.version }),
    notices: [kept(home, id, true)],
  };
  return { item, step: { do: "forget", id } };
}

/** A plugin of this repository. */
export function disabling(home: string, { id, folder, manifest }: Embedded, data: boolean): Prepared {
  const item: PlanItem = {
    ...nothing,
    ...{ kind: "plugins", id, action: "disable", summary: manifest.summary, from: manifest.version, source: "this Pincer" },
    notices: [kept(home, id, data)],
  };
  return { item, step: { do: "disable", plugin: { id, folder, manifest }, data } };
}
