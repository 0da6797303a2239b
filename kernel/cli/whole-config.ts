/** The configuration with every schema that a gateway in this home would declare, for commands that judge it without one. */
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { discover } from "../../plugin-host/discovery.ts";
import { CapabilitiesConfig, settingsOf } from "../../plugin-host/settings.ts";
import type { Config } from "../config/config.ts";
import { GatewayConfig } from "../gateway-config.ts";
import { type Home, pluginFolders, readConfig } from "./home.ts";

export function readWholeConfig(home: Home): Config {
  const config = readConfig(home);
  config.declare("gateway", GatewayConfig, "cli");
  config.declare("capabilities", CapabilitiesConfig, "cli");
  for (const found of discover(pluginFolders(home)).values())
    try {
      for (const [path, schema] of settingsOf(found)) config.declare(path, schema, found.id);
    } catch (error) {
      if (!isGatewayError(error)) throw error; // the gateway lists such a plugin as failed, and says why
    }
  return config;
}
