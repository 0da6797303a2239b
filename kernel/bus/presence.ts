/** Who is here (`protocol` section 1.7): the gateway itself, its connections, and what devices report of themselves. */
import { hostname } from "node:os";
import { type PresenceEntry, type PresenceReport, presenceOf } from "@pincer/plugin-sdk/wire/presence";
import type { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";

/** `publish` is told at once of a change, and of all further ones together after `presenceMs`. */
export function createPresence({ connections, clock, settings, version, bootId }: BusContext, publish: () => void) {
  const startedAt = clock.now();
  const reports = new Map<string, PresenceEntry>();
  let resting: Disposable | undefined;
  let changedMeanwhile = false;

  const changed = () => {
    changedMeanwhile = resting !== undefined;
    if (resting) return;
    publish();
    resting = clock.after(settings().presenceMs, () => {
      resting = undefined;
      if (changedMeanwhile) changed();
    });
  };

  return {
    /** Takes a device's report. It is shown until the device leaves or others push it out of the list. */
    report(report: PresenceReport & { readonly text: string }): void {
      const key = report.deviceId ?? report.instanceId ?? report.host ?? "unnamed";
      reports.delete(key);
      reports.set(key, { ...report, ts: clock.now() });
      if (reports.size > settings().presenceEntries) reports.delete(reports.keys().next().value!);
      changed();
    },
    /** A connection has come or gone. */
    changed(connection: Connection): void {
      const key = keyOf(connection);
      if (reports.has(key) && !connections.values().some((other) => keyOf(other) === key)) reports.delete(key);
      if (isPresent(connection)) changed();
    },
    list(): PresenceEntry[] {
      const entries = new Map<string, PresenceEntry>();
      for (const connection of connections.values()) if (isPresent(connection)) entries.set(keyOf(connection), presenceOf(connection));
      for (const [key, entry] of reports) entries.set(key, { ...entries.get(key), ...entry });
      const newest = [...entries.values()].sort((a, b) => b.ts - a.ts).slice(0, settings().presenceEntries - 1);
      const self = { ts: clock.now(), host: hostname(), version, platform: process.platform, mode: "gateway", reason: "self" };
      return [{ ...self, instanceId: bootId, onlineSince: startedAt }, ...newest];
    },
    [Symbol.dispose]: () => resting?.[Symbol.dispose](),
  };
}

/** One-off calls and probes come and go too fast to be somebody. */
const isPresent = ({ client }: Connection): boolean => client.mode !== "cli" && client.mode !== "probe";

const keyOf = ({ id, info, client }: Connection): string => info.deviceId ?? client.instanceId ?? id;
