/**
 * A plugin's code in a process of its own. The gateway starts this with one connection, before the plugin's bundle needs to be there, and everything
 * that the plugin is to the gateway, and the gateway to it, goes over that as `process-protocol.ts` says.
 */
import type { Call, Stream } from "../contract.ts";
import { type GatewayError, hasCode, isGatewayError } from "../error.ts";
import sdk from "../package.json" with { type: "json" };
import type { PluginDefinition } from "../plugin.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { systemClock } from "../system-clock.ts";
import { startBridge } from "./bridge.ts";
import { childServed } from "./child-served.ts";
import { childSurroundings } from "./child-surroundings.ts";
import { adopt } from "./connection.ts";
import { setUp } from "./context.ts";
import { frameSocket } from "./frames.ts";
import { Instance } from "./instance.ts";
import { Peer, type Served } from "./peer.ts";
import {
  connectionFd,
  type Hello,
  type ProvidedMember,
  type Provisions,
  processProtocol,
  type Start,
  type Started,
} from "./process-protocol.ts";
import { WaysOut } from "./ways-out.ts";

const providedMember = ({ kind, safe, ...more }: Call | Stream): ProvidedMember =>
  ({
    ...{ kind, ...(safe && { safe }) },
    ...("held" in more && { held: more.held }),
    ...("speaksAs" in more && { speaksAs: more.speaksAs }),
  }) as ProvidedMember;

/** How long the gateway may leave an abort unanswered. */
const abortMs = 10_000;
const { signal: never } = new AbortController();

const notStarted: Served = {
  call: async (target) => {
    throw pluginErrors.PLUGIN_PROTOCOL(`${target} was called before start`);
  },
  stream: (target) => {
    throw pluginErrors.PLUGIN_PROTOCOL(`${target} was called before start`);
  },
};

/** Runs until the gateway closes the connection. */
export async function runChild(): Promise<void> {
  let served = notStarted;
  const ended = Promise.withResolvers<GatewayError>();
  const peer: Peer = new Peer({
    clock: systemClock,
    abortMs,
    tellsFaults: true,
    served: {
      call(target, params, io) {
        if (target !== "start") return served.call(target, params, io);
        if (served !== notStarted) throw pluginErrors.PLUGIN_PROTOCOL("start was called twice");
        return start(params as Start);
      },
      stream: (target, params, io) => served.stream(target, params, io),
    },
  });

  const start = async ({ id, version, code, home, dataDir, permissions, config, provisions, limits, bridge }: Start): Promise<Started> => {
    const ways = new WaysOut();
    if (bridge) await startBridge(bridge, peer, ways);
    const { default: definition } = (await import(code)) as { readonly default?: PluginDefinition };
    if (typeof definition?.setup !== "function")
      throw pluginErrors.PLUGIN_LOAD_FAILED(
        `${id}: expected the default export to be definePlugin({ setup, ... }), came ${typeof definition}`,
      );
    const tell = (error: unknown, what: string) =>
      peer.tell("fault", { what, message: String((error as Error)?.stack ?? error).slice(0, 16_384) });
    const instance = new Instance({
      name: `the process of ${id}`,
      clock: systemClock,
      limits: () => limits,
      // What nobody awaited: the gateway counts it, and writes it into its log.
      fault: (error, what) => void tell(error, what).catch(() => undefined), // silent-ok: without the gateway nobody is left to be told
    });
    // A mistake that no call can be blamed for ends nobody, and is told.
    for (const event of ["uncaughtException", "unhandledRejection"] as const)
      process.on(event, (error: unknown) => void tell(error, "outside of any call").catch(() => undefined)); // silent-ok: as above
    const given = { config, provisions };
    const around = childSurroundings(peer, { id, home, dataDir, permissions, isBridged: bridge !== undefined, ways }, given);
    served = childServed(instance, peer, {
      config(value: unknown) {
        given.config = value;
        instance.tellConfig();
      },
      provisions(value: Provisions) {
        given.provisions = value;
      },
    });
    await setUp(definition, { id, version }, instance, around).catch((error) => {
      // What it was stands in the cause, which crosses only as itself.
      throw hasCode(error, "PLUGIN_FAULT") ? (error.cause ?? error) : error;
    });
    const members = Object.fromEntries(
      [...instance.registered.all("provides")].map(([name, { contract, implementation }]) => [
        name,
        Object.fromEntries(
          Object.entries(contract.members).flatMap(([name, member]) =>
            implementation[name] ? [[name, providedMember(member)] as const] : [],
          ),
        ),
      ]),
    );
    return { generated: instance.registered.describe(definition), members, services: instance.services.size };
  };

  await adopt({ fd: connectionFd, socket: frameSocket(peer, { onEnd: ended.resolve }) });
  const hello: Hello = { protocol: processProtocol, sdk: sdk.version };
  await peer.call("hello", hello, { signal: never }).catch((error) => {
    if (!isGatewayError(error)) throw error; // a refusal is the gateway's to tell: it closes the connection
  });
  await ended.promise;
  process.exit(0);
}
