/** Who may come in and what they may do: one value that the gateway wires to the bus, the configuration and the plugin host. */
import type { Logger } from "@pincer/plugin-sdk";
import { pairRequested, pairResolved } from "@pincer/plugin-sdk/contracts/devices";
import type { Migration, Store } from "../../store/store.ts";
import { auditSchema, createAudit } from "./audit.ts";
import { type DeviceIdentity, gatewayIdentity } from "./device.ts";
import { createDevices, type DevicesParts } from "./devices.ts";
import { createDoorkeeper } from "./doorkeeper.ts";
import type { Keys } from "./keys.ts";
import { bootstrapSchema, createPairing, pairingSchema } from "./pairing.ts";
import { createSecrets, secretSchema } from "./secrets.ts";

export const accessMigrations: readonly Migration[] = [
  { room: "access", version: 1, sql: pairingSchema + secretSchema + auditSchema },
  { room: "access", version: 2, sql: bootstrapSchema },
];

export type Access = ReturnType<typeof createAccess>;

export interface AccessParts extends Pick<DevicesParts, "clock" | "settings" | "emit" | "onRevoked" | "connections" | "url"> {
  readonly store: Store;
  readonly log: Logger;
  readonly keys: Keys;
  /** Told when a secret came or went. */
  readonly secretsChanged?: () => void;
}

export function createAccess(parts: AccessParts) {
  const { store, clock, log, settings, keys } = parts;
  let known: DeviceIdentity | undefined;
  const identity = () => (known ??= gatewayIdentity(keys.derive("identity")));
  const audit = createAudit(store, clock, log, keys, () => settings().auditRows);
  const pairing = createPairing(store, clock, keys, settings);
  const secrets = createSecrets(store, clock, keys, parts.secretsChanged);
  const { devices, bootstrap, requested } = createDevices({ ...parts, pairing, audit, identity });
  return {
    ...createDoorkeeper({ pairing, audit, secrets, clock, log, settings, token: keys.token, requested }),
    events: [pairRequested, pairResolved],
    devices,
    bootstrap,
    secrets,
    audit,
    /** What is wrong here, for `health`. Without names: everybody who is connected may read it; the log has them. */
    async problems(): Promise<string[]> {
      const { length } = await secrets.lost();
      if (length === 0) return [];
      const which =
        length === 1 ? "1 secret cannot be read: the key that it was" : `${length} secrets cannot be read: the key that they were`;
      return [`${which} encrypted with is not in ${keys.keyPath}; restore that file from a backup, or set them again`];
    },
  };
}
