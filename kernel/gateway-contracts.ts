/** What plugins may use of the kernel's rooms: each contract, and the room that keeps it. */
import { bootstrap } from "@pincer/plugin-sdk/contracts/bootstrap";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { devices } from "@pincer/plugin-sdk/contracts/devices";
import { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import { lanes as lanesContract } from "@pincer/plugin-sdk/contracts/lanes";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { sessions as sessionsContract } from "@pincer/plugin-sdk/contracts/sessions";
import { subscriptions } from "@pincer/plugin-sdk/contracts/subscriptions";
import { configurationFor } from "./config/contract.ts";
import type { Rooms } from "./gateway.ts";
import { lanesFor } from "./lanes/contract.ts";
import { valueStatements } from "./plugin-values.ts";

export function provideContracts({ access, bus, config, host, lanes, log, sessions }: Rooms): void {
  /** Nobody may hand out more than the plugin itself has. */
  const reachOf = (plugin: string) => () => host.inspect(plugin).manifest?.permissions?.scopes ?? [];
  const subscribing = (change: "subscribe" | "unsubscribe") => async (to: { readonly connectionId: string; readonly topic: string }) => {
    bus[change](to.connectionId, to.topic);
    return {};
  };

  host.provide(bootstrap, (plugin) => access.bootstrap(reachOf(plugin)));
  host.provide(configuration, () => configurationFor(config));
  host.provide(devices, (plugin) => access.devices(reachOf(plugin)));
  host.provide(diagnostics, () => ({ ...bus.diagnostics, log: (range) => log.tail(range) }));
  host.provide(lanesContract, (plugin) => lanesFor(lanes, (values) => valueStatements(plugin, values)));
  host.provide(secrets, () => access.secrets.contract);
  host.provide(sessionCatalog, () => sessions.catalog);
  host.provide(sessionEditor, () => sessions.editor);
  host.provide(sessionsContract, () => sessions.contract);
  host.provide(subscriptions, () => ({ subscribe: subscribing("subscribe"), unsubscribe: subscribing("unsubscribe") }));
}
