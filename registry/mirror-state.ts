/** The folder of a mirror as what was trusted before; what says that something is new is written at the end, after all that it speaks of. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TrustState } from "./client/state.ts";
import { repositoryFiles } from "./repository/files.ts";
import { parseMetadata } from "./trust/metadata.ts";

export interface MirrorState {
  readonly state: TrustState;
  /** From now on readers of the folder see what was written. */
  commit(): void;
}

export function mirrorState(folder: string): MirrorState {
  const files = repositoryFiles(folder);
  const late = new Map<string, Uint8Array>();
  const versions = new Map<string, number[]>();
  for (const name of existsSync(join(folder, "metadata")) ? readdirSync(join(folder, "metadata")) : []) {
    const [, version, role] = /^(\d+)\.([a-z0-9-]+)\.json$/.exec(name) ?? [];
    if (role !== undefined) versions.set(role, [...(versions.get(role) ?? []), Number(version)]);
  }
  const placeIn = (role: string, version: number) => `metadata/${version}.${role}.json`;
  const state: TrustState = {
    read(role) {
      if (role === "timestamp") return late.get("metadata/timestamp.json") ?? files.read("metadata/timestamp.json");
      const newest = Math.max(...(versions.get(role) ?? [0]));
      return newest === 0 ? undefined : (late.get(placeIn(role, newest)) ?? files.read(placeIn(role, newest)));
    },
    write(role, bytes) {
      if (role === "timestamp") late.set("metadata/timestamp.json", bytes);
      else {
        const { version } = parseMetadata(role === "root" ? "root" : role === "snapshot" ? "snapshot" : "targets", role, bytes).signed;
        if (role === "root") late.set(placeIn(role, version), bytes);
        else files.write(placeIn(role, version), bytes);
        versions.set(role, [...(versions.get(role) ?? []), version]);
      }
    },
    remove: (role) => void versions.delete(role),
  };
  return {
    state,
    commit() {
      const last = "metadata/timestamp.json";
      for (const [place, bytes] of late) if (place !== last) files.write(place, bytes);
      const timestamp = late.get(last);
      if (timestamp) files.write(last, timestamp);
    },
  };
}
