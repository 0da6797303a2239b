/** Who may come in and what they may do: one value that the gateway wires to the bus, the configuration and the plugin host. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Migration, Store } from "../../store/store.ts";
import { auditSchema, createAudit } from "./audit.ts";
import { type Authenticator, createDoorkeeper } from "./doorkeeper.ts";
import type { Keys } from "./keys.ts";
import { createSecrets, secretSchema } from "./secrets.ts";
import type { AccessSettings } from "./settings.ts";

export const accessMigrations: readonly Migration[] = [{ room: "access", version: 1, sql: secretSchema + auditSchema }];

export type Access = ReturnType<typeof createAccess>;

export interface AccessParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: Keys;
  readonly settings: () => AccessSettings;
  /** Whatever plugin that is at the moment. */
  readonly authenticator: () => Authenticator;
  /** Told when a secret came or went. */
  readonly secretsChanged?: () => void;
}

export function createAccess(parts: AccessParts) {
  const { store, clock, log, settings, keys } = parts;
  const audit = createAudit(store, clock, log, keys, () => settings().auditRows);
  const secrets = createSecrets(store, clock, keys, parts.secretsChanged);
  return {
    ...createDoorkeeper(parts, audit, secrets),
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
