/** What is remembered between looks, in the gateway's home: when a release was first seen, and what became of updates that nobody asked for. */
import { join } from "node:path";
import { isObject, type Json } from "@pincer/plugin-sdk/json5";
import type { Published } from "@pincer/registry/client/client";
import { readText, replaceFile } from "./layout.ts";

/** Undefined when there is none, or it cannot be read: then everything is new again, and waits anew. */
function readObject(file: string): Readonly<Record<string, Json>> {
  try {
    const value: unknown = JSON.parse(readText(file) ?? "{}");
    return isObject(value) ? (value as Readonly<Record<string, Json>>) : {};
  } catch {
    return {}; // silent-ok: see above
  }
}

/** With its bytes: who has the keys of publisher and server could have others wait under a version that was seen long ago. */
const releaseKey = ({ kind, id, version, sha256 }: Seen): string => `${kind}/${id}@${version} ${sha256}`;

type Seen = Pick<Published, "kind" | "id" | "version" | "sha256">;

export interface FirstSeen {
  /** Epoch milliseconds; now, when it was not seen before. */
  of(release: Seen): number;
  /** What was asked for since; the rest is forgotten. */
  save(): void;
}

export function readFirstSeen(home: string, now: () => number): FirstSeen {
  const file = join(home, "registries", "seen.json");
  const before = readObject(file);
  const asked: Record<string, number> = {};
  return {
    of(release) {
      const key = releaseKey(release);
      const known = before[key];
      asked[key] ??= typeof known === "number" && known <= now() ? known : now();
      return asked[key];
    },
    save() {
      if (!Bun.deepEquals(asked, before)) replaceFile(file, `${JSON.stringify(asked, null, 2)}\n`);
    },
  };
}

/** What became of an update that came by itself. */
export interface Automatic {
  readonly version: string;
  readonly outcome: "updated" | "held" | "failed";
  /** For people. */
  readonly said: string;
}

const automaticFile = (home: string): string => join(home, "registries", "automatic.json");

export function readAutomatic(home: string): Readonly<Record<string, Automatic>> {
  const isOne = (value: Json): boolean => isObject(value) && ["version", "outcome", "said"].every((key) => typeof value[key] === "string");
  const known = Object.entries(readObject(automaticFile(home))).filter(([, value]) => isOne(value));
  return Object.fromEntries(known) as unknown as Readonly<Record<string, Automatic>>;
}

export const writeAutomatic = (home: string, results: Readonly<Record<string, Automatic>>): void =>
  replaceFile(automaticFile(home), `${JSON.stringify(results, null, 2)}\n`);
