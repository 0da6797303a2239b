/** The configuration with every schema that a gateway in this home would declare, for commands that judge it without one. */

import { configPathOf } from "@pincer/plugin-sdk/manifest";
import type { Config } from "../config/config.ts";
import { GatewayConfig } from "../gateway-config.ts";
import { discover } from "../plugins/discovery.ts";
import { type Home, readConfig } from "./home.ts";
import { pluginFolders } from "./plugin-commands.ts";

export function readWholeConfig(home: Home): Config {
  const config = readConfig(home);
  config.declare("gateway", GatewayConfig, "cli");
  config.declare("capabilities", { type: "object" } as never, "cli");
  for (const { id, manifest } of discover(pluginFolders(home)).values()) {
    config.declare(`plugins.${id}.enabled`, { type: "boolean" } as never, id);
    if (manifest?.generated?.config) config.declare(configPathOf(manifest), manifest.generated.config, id);
  }
  return config;
}
