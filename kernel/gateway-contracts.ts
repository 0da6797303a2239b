/** What plugins may use of the kernel's rooms: each contract, and the room that keeps it. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { keys as keysContract } from "@pincer/plugin-sdk/contracts/keys";
import { lanes as lanesContract } from "@pincer/plugin-sdk/contracts/lanes";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { sessions as sessionsContract } from "@pincer/plugin-sdk/contracts/sessions";
import { subscriptions } from "@pincer/plugin-sdk/contracts/subscriptions";
import { valueStatements } from "../store/values.ts";
import type { Keys } from "./access/keys.ts";
import { configurationFor } from "./config/contract.ts";
import type { Rooms } from "./gateway.ts";
import { lanesFor } from "./lanes/contract.ts";

/** @param about what plugins may know of the gateway itself. */
export function provideContracts(
  { access, bus, config, host, lanes, log, sessions }: Rooms,
  keys: Keys,
  about: ImplementationOf<typeof gateway>["about"],
): void {
  const subscribing = (change: "subscribe" | "unsubscribe") => async (to: { readonly connectionId: string; readonly topic: string }) => {
    bus[change](to.connectionId, to.topic);
    return {};
  };

  host.provide(audit, () => ({ append: (entry) => access.audit.append(entry).then(() => ({})) }));
  host.provide(configuration, () => configurationFor(config));
  host.provide(diagnostics, () => ({ ...bus.diagnostics, log: (range) => log.tail(range) }));
  host.provide(gateway, () => ({
    about,
    connections: async () => ({ connections: bus.connections().map(({ info, role }) => ({ id: info.id, deviceId: info.deviceId, role })) }),
    async disconnect(revocation) {
      bus.disconnectDevice(revocation);
      return {};
    },
  }));
  host.provide(keysContract, (plugin) => ({ derive: async ({ purpose }) => ({ key: keys.derive(`plugin:${plugin} ${purpose}`) }) }));
  host.provide(lanesContract, (plugin) => lanesFor(lanes, (values) => valueStatements(plugin, values)));
  host.provide(secrets, () => access.secrets.contract);
  host.provide(sessionCatalog, () => sessions.catalog);
  host.provide(sessionEditor, () => sessions.editor);
  host.provide(sessionsContract, () => sessions.contract);
  host.provide(subscriptions, () => ({ subscribe: subscribing("subscribe"), unsubscribe: subscribing("unsubscribe") }));
}
