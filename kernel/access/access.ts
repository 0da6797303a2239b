/** Who may come in and what they may do: one value that the gateway wires to the bus, the configuration and the plugin host. */
import type { Migration } from "../../store/store.ts";
import { auditSchema, createAudit } from "./audit.ts";
import { type AccessParts, createDoorkeeper } from "./doorkeeper.ts";
import { createSecrets, secretSchema } from "./secrets.ts";

export const accessMigrations: readonly Migration[] = [{ room: "access", version: 1, sql: secretSchema + auditSchema }];

export type Access = ReturnType<typeof createAccess>;

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
