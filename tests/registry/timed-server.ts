/** A registry's server in the test's own process, with the clock in its hand. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { createRepository } from "../../registry/repository/create.ts";
import type { Resemblance } from "../../registry/server/names.ts";
import { type RegistryServer, serveRegistry } from "../../registry/server/serve.ts";
import { checkedSettings } from "../../registry/server/settings.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { type ParcelOptions, parcel } from "./parcel.ts";

export interface Place {
  readonly server: RegistryServer;
  readonly folder: string;
  readonly clock: ManualClock;
  /** The server's key. */
  readonly online: Signer;
  readonly faults: readonly unknown[];
  parcel(publisher: string, signer: Signer, id: string, over?: Partial<ParcelOptions>): ReturnType<typeof parcel>;
}

export async function withServer(settings: object, use: (place: Place) => Promise<void>, resembles?: Resemblance): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-limits-"));
  const clock = createManualClock(Date.parse("2031-05-04T10:00:00Z"));
  const signer = () => createSigner().signer;
  const online = signer();
  const founders = { root: [signer()], rootThreshold: 1, targets: [signer()], targetsThreshold: 1, online, revocations: [] };
  createRepository(folder, { founders, parts: 1, now: () => clock.now() });
  const faults: unknown[] = [];
  const server = await serveRegistry({
    ...{ folder, online, host: "127.0.0.1", port: 0, clock, settings: checkedSettings(settings, "settings") },
    ...(resembles && { resembles }),
    onFault: (error) => faults.push(error),
  });
  try {
    await use({
      ...{ server, folder, clock, online, faults },
      parcel: (publisher, by, id, over = {}) =>
        parcel({ url: server.url, publisher, signer: by, release: { kind: "plugins", id, version: "1.0.0" }, now: clock.now(), ...over }),
    });
    expect(faults).toEqual([]);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
