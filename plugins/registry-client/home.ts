/** The engine beside a home in which no gateway runs: the next start finds what it did. */
import { dirname, join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { valueAt } from "@pincer/plugin-sdk/json5";
import { limitedFetch, publicFetch } from "@pincer/plugin-sdk/runtime/fetch";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { Value } from "@sinclair/typebox/value";
import { ClientConfig } from "./config.ts";
import { createEngine, type Engine } from "./engine/engine.ts";

import { settingsOfFile } from "./engine/home/settings.ts";
import { createScanned } from "./engine/package/scanned.ts";
import type { Surroundings } from "./engine/surroundings.ts";
import { clientErrors } from "./errors.ts";
import { type Finding, findingsIn } from "./findings.ts";
import { placesOf } from "./package-sources.ts";
import manifest from "./plugin.json" with { type: "json" };

/** The plugins of this repository, of which this is one; bundled, it is as deep in it in a folder of another name. */
export const embedded = join(dirname(dirname(import.meta.dir)), "plugins");

async function partsOf(home: string, signal: AbortSignal) {
  const settings = settingsOfFile(home);
  const written = valueAt(await settings.read(signal), ["plugins", "registry-client", "config"]) ?? {};
  const config = Value.Default(ClientConfig, structuredClone(written));
  if (!Value.Check(ClientConfig, config)) {
    const { path = "/", message = "another form was expected" } = Value.Errors(ClientConfig, config).First() ?? {};
    throw clientErrors.REGISTRY_CLIENT_CONFIG_INVALID(`plugins.registry-client.config at ${path}: ${message}`);
  }
  const noSecret = async () => undefined;
  const fetch = limitedFetch(manifest.id, { net: manifest.permissions.net }, () => config, noSecret, publicFetch);
  return { settings, config, ...placesOf({ home, config, clock: systemClock, fetch }) };
}

export async function engineOfHome(home: string, progress: Surroundings["progress"], signal: AbortSignal): Promise<Engine> {
  const parts = await partsOf(home, signal);
  const onFault = (error: unknown) => void process.stderr.write(`${errorMessage(error)}\n`);
  return createEngine({
    scanned: createScanned({ seconds: parts.config.scanSeconds, clock: systemClock, onFault }),
    ...{ home, embedded, clock: systemClock, now: () => systemClock.now(), progress, ...parts },
  });
}

/** Nobody is asked: what is revoked is known as it was heard last. */
export async function findingsOfHome(home: string, signal: AbortSignal): Promise<readonly Finding[]> {
  const { registries } = (await partsOf(home, signal)).sources;
  return findingsIn({ home, plugins: embedded, now: systemClock.now(), alone: { registries } });
}
