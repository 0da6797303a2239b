/** What the plugin uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { approvals } from "@pincer/plugin-sdk/contracts/approvals";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { subscriptions } from "@pincer/plugin-sdk/contracts/subscriptions";
import { turn } from "@pincer/plugin-sdk/contracts/turn";
import type { SessionsConfig } from "./config.ts";

export const uses = {
  ...{ sessions, lanes, subscriptions, catalog: sessionCatalog, editor: sessionEditor },
  ...{ router: ifPresent(router), turn: ifPresent(turn), approvals: ifPresent(approvals) },
};

export type SessionsContext = PluginContext<SessionsConfig, typeof uses>;
