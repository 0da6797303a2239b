/** The plugins of a gateway: how each is, and the power to replace them and to turn them on and off. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import type { Manifest } from "../manifest.ts";

/** `idle`: enabled, its code not loaded. */
export const PluginState = Type.Union([Type.Literal("disabled"), Type.Literal("idle"), Type.Literal("active"), Type.Literal("failed")]);
export type PluginState = Static<typeof PluginState>;

/** What processes have taken of the machine; memory without what is a file's. */
export const Use = Type.Object({
  /** Processor time since they were started, in milliseconds. */
  cpuMs: Type.Number(),
  memoryBytes: Type.Integer(),
});
export type Use = Static<typeof Use>;

export const PluginInfo = Type.Object({
  id: Type.String(),
  folder: Type.String(),
  origin: Type.Union([Type.Literal("embedded"), Type.Literal("installed")]),
  /** Absent when it could not be read; then `error` says why. */
  manifest: Type.Optional(Type.Unsafe<Manifest>(Type.Object({ id: Type.String() }))),
  state: PluginState,
  /** Counts the generations of this run; 0 before the first. */
  generation: Type.Integer(),
  /** Generations that still finish their calls, with what they wait for. */
  draining: Type.Array(Type.Object({ generation: Type.Integer(), calls: Type.Array(Type.String()) })),
  isolation: Type.Union([Type.Literal("inline"), Type.Literal("process")]),
  /** Whether the operating system holds it to its permissions. */
  enforced: Type.Boolean(),
  activity: Type.Object({
    calls: Type.Integer(),
    /** Calls that ended as a fault of the plugin's own. */
    errors: Type.Integer(),
    latency: Type.Union([Type.Object({ p50Ms: Type.Number(), p99Ms: Type.Number() }), Type.Null()]),
  }),
  /** Of its own process, while it runs in one. */
  pid: Type.Optional(Type.Integer()),
  /** Of that process and all below it, where the system can say. */
  use: Type.Optional(Use),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type PluginInfo = Static<typeof PluginInfo>;

export const plugins = defineContract({
  id: "plugins",
  version: 1,
  arity: "one",
  scope: "operator.read",
  members: {
    /** All, or one; `gateway` is what the process of the gateway uses, with all plugins that run in it. Throws `PLUGIN_UNKNOWN`. */
    list: call(Type.Object({ id: Type.Optional(Type.String()) }), Type.Object({ plugins: Type.Array(PluginInfo), gateway: Use }), {
      safe: true,
    }),
  },
});

export const pluginHost = defineContract({
  id: "plugin-host",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** A new generation beside the present one. Rejects, with file, line and reason where known, when the present one stays. */
    reload: call(Type.Object({ id: Type.String() }), Type.Object({ generation: Type.Integer(), visibleMs: Type.Number() })),
    /** Looks again at what is installed or linked. */
    refresh: call(Type.Object({}), Type.Object({}), { safe: true }),
    /** Writes it into the configuration, and answers when it is so. */
    setEnabled: call(Type.Object({ id: Type.String(), enabled: Type.Boolean() }), Type.Object({}), { safe: true }),
  },
});
