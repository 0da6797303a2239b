/** The `gateway` section of the configuration: what each room of the kernel declares, in one object. */
import { Type } from "@sinclair/typebox";
import { PluginsConfig } from "../plugin-host/limits.ts";
import { AccessConfig } from "./access/settings.ts";
import { BusConfig } from "./bus/settings.ts";
import { LanesConfig } from "./lanes/settings.ts";
import { levels } from "./log.ts";
import { SessionsConfig } from "./sessions/sessions.ts";

const closed = { additionalProperties: false, default: {} } as const;
const known = levels.map((level) => Type.Literal(level));
const LogConfig = Type.Object({ level: Type.Union(known, { default: "info" }) }, closed);

export const GatewayConfig = Type.Object(
  {
    ...BusConfig.properties,
    ...AccessConfig.properties,
    sessions: SessionsConfig,
    lanes: LanesConfig,
    plugins: PluginsConfig,
    log: LogConfig,
  },
  closed,
);
