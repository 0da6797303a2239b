/** The `gateway` section of the configuration: what each room of the kernel declares, in one object. */
import { Type } from "@sinclair/typebox";
import { AccessConfig } from "./access/settings.ts";
import { BusConfig } from "./bus/settings.ts";
import { LanesConfig } from "./lanes/settings.ts";
import { PluginsConfig } from "./plugins/limits.ts";
import { SessionsConfig } from "./sessions/sessions.ts";

export const LogConfig = Type.Object(
  {
    level: Type.Union([Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")], { default: "info" }),
  },
  { additionalProperties: false, default: {} },
);

export const GatewayConfig = Type.Object(
  {
    ...BusConfig.properties,
    ...AccessConfig.properties,
    sessions: SessionsConfig,
    lanes: LanesConfig,
    plugins: PluginsConfig,
    log: LogConfig,
  },
  { additionalProperties: false, default: {} },
);
