/** Who may come in and what they may do: one value that the gateway wires to the bus, the configuration and the plugin host. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import type { Emit } from "../bus/bindings.ts";
import type { Migration, Store } from "../store/store.ts";
import { auditSchema, createAudit } from "./audit.ts";
import { type DeviceIdentity, gatewayIdentity } from "./device.ts";
import { deviceMethods, pairRequested, pairResolved, pendingOf, type Revocation } from "./device-methods.ts";
import { createDoorkeeper } from "./doorkeeper.ts";
import type { Keys } from "./keys.ts";
import { createPairing, type PairRequest, pairingSchema } from "./pairing.ts";
import { secretMethods } from "./secret-methods.ts";
import { createSecrets, secretSchema } from "./secrets.ts";
import type { AccessSettings } from "./settings.ts";

export const accessMigrations: readonly Migration[] = [{ room: "access", version: 1, sql: pairingSchema + secretSchema + auditSchema }];

export type Access = ReturnType<typeof createAccess>;

export function createAccess(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each use, so that a change of the configuration is live. */
  readonly settings: () => AccessSettings;
  readonly keys: Keys;
  readonly emit: Emit;
  /** Closes the connections it names. */
  readonly onRevoked: (revocation: Revocation) => void;
  /** Whether a device has a connection now. */
  readonly connected: (deviceId: string) => boolean;
  /** Where the gateway listens, as `ws://host:port`. */
  readonly url: () => string;
  /** Told when a secret came or went. */
  readonly secretsChanged?: () => void;
}) {
  const { store, clock, log, settings, keys, emit } = parts;
  let known: DeviceIdentity | undefined;
  const identity = () => (known ??= gatewayIdentity(keys.derive("identity")));
  const audit = createAudit(store, clock, log, keys, () => settings().auditRows);
  const pairing = createPairing(store, clock, keys, settings);
  const secrets = createSecrets(store, clock, keys, parts.secretsChanged);
  const requested = (request: PairRequest) => emit(pairRequested, pendingOf(request));
  return {
    ...createDoorkeeper({ pairing, audit, secrets, clock, log, settings, token: keys.token, requested }),
    methods: [...deviceMethods({ ...parts, pairing, audit, identity }), ...secretMethods(secrets)],
    events: [pairRequested, pairResolved],
    /** The gateway's own. */
    get identity() {
      return identity();
    },
    secrets,
    audit,
    /** A token that pairs one device, once, within `ttlMs` (default `bootstrapTtlMs`): what a login link carries in its fragment. */
    async issueBootstrap({ role, scopes, ttlMs }: { readonly role: Role; readonly scopes: readonly WireScope[]; readonly ttlMs?: number }) {
      const { token } = await pairing.issueBootstrap(role, scopes, ttlMs ?? settings().bootstrapTtlMs);
      await audit.append({ principal: "gateway", action: "access.bootstrap", resources: [role, ...scopes], outcome: "ok" });
      return token;
    },
  };
}
