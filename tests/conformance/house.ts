/** A gateway with everything in it: sessions, turns, tools, a channel, devices; every frame of it goes to a recorder. */
import { afterAll, beforeAll, describe } from "bun:test";
import { join } from "node:path";
import { type ClientOptions, createDeviceKey, type DeviceKey, type WireClient, WireFailure } from "@pincer/plugin-sdk/testing/client";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "@pincer/plugin-sdk/testing/gateway";
import { unconfinable } from "@pincer/plugin-sdk/testing/modes";
import type { Declare } from "@pincer/plugin-sdk/testing/needs";
import { type Script, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import defaultPlugins from "../../kernel/default-plugins.json" with { type: "json" };
import { type Platform, startPlatform } from "../fixtures/platform/platform.ts";
import { serveClawHub } from "../support/clawhub-site.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

export const MAIN = "agent:main:main";
export const everyScope = [
  ...["operator.read", "operator.write", "operator.admin", "operator.approvals", "operator.questions", "operator.pairing"],
  ...["operator.talk", "operator.talk.secrets"],
];

export type Payload = Record<string, unknown>;

export interface House extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly recorder: Recorder;
  readonly script: Script;
  readonly platform: Platform;
  /** An operator with every scope, who sees tools and follows every session. */
  readonly client: WireClient;
  connect(options?: Partial<ClientOptions>): Promise<WireClient>;
  /** Whoever may call a method of that scope: a node, or the operator. */
  caller(scope: string | undefined): Promise<WireClient>;
  /** A terminal's device that has been let in. */
  pair(device?: DeviceKey, options?: Partial<ClientOptions>): Promise<WireClient>;
  /** A device from elsewhere that asks to be let in; the id of its request. */
  ask(device: DeviceKey, options?: Partial<ClientOptions>): Promise<string>;
  /** Resolves with a run's last `chat` event once the row of its session says behind it that nothing runs there any more. */
  settled(runId: string, client?: WireClient): Promise<Payload>;
  say(message: string, params?: Payload, client?: WireClient): Promise<string>;
}

interface HouseOptions extends Pick<TestGatewayOptions, "clock" | "home"> {
  readonly config?: Payload;
  readonly caps?: readonly string[];
  readonly recorder?: Recorder;
  /** `process`: each plugin that can be in a process of its own is in one. */
  readonly isolation?: Isolation;
}

type Isolation = "inline" | "process";

/**
 * Those of the house that can be in a process of their own: all but `routing` and `skills`, which say where in the gateway's home something is, and
 * `registry-client`, which installs into it.
 */
const inGateway = new Set(["routing", "skills", "registry-client"]);
export const processPlugins: readonly string[] = [
  ...defaultPlugins.filter((id) => !inGateway.has(id)),
  ...["everything", "scripted-provider", "scripted-tools", "scripted-channel"],
];

const isolations = { inline: "plugins in the gateway's process", process: "plugins in processes of their own" } as const;

/** The same tests twice, each of which starts houses of its own: with all plugins in the gateway's process, and with each that can be in one of its own. */
export function withHouses(declare: (start: typeof startHouse, test: Declare, isolation: Isolation) => void): void {
  for (const isolation of ["inline", "process"] as const)
    describe(isolations[isolation], () => declare((options = {}) => startHouse({ ...options, isolation }), testIn(isolation), isolation));
}

/** The same tests twice, each time against one house: with all plugins in the gateway's process, and with each that can be in one of its own. */
export function inEachIsolation(
  start: (isolation: Isolation) => Promise<House>,
  declare: (house: () => House, test: Declare, isolation: Isolation) => void,
): void {
  for (const isolation of ["inline", "process"] as const)
    describe(isolations[isolation], () => {
      let house: House | undefined;
      beforeAll(async () => {
        if (isolation === "inline" || !(await unconfinable())) house = await start(isolation);
      });
      afterAll(() => house?.[Symbol.asyncDispose]());
      declare(() => house!, testIn(isolation), isolation);
    });
}

const fixtures = join(import.meta.dir, "..", "fixtures", "plugins");
const isEnd = (state: unknown) => state === "final" || state === "aborted" || state === "error";
const isObject = (value: unknown): value is Payload => typeof value === "object" && value !== null && !Array.isArray(value);
const merged = (base: Payload, over: Payload): Payload =>
  Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => {
      const [before, after] = [base[key], over[key]];
      return [key, isObject(before) && isObject(after) ? merged(before, after) : (after ?? before)];
    }),
  );

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  const recorder = options.recorder ?? createRecorder();
  const script = startScript();
  const platform = startPlatform({ idempotent: true });
  const clawHub = serveClawHub();
  clawHub.publish({ slug: "dice", version: "1.0.0", files: { "SKILL.md": "---\nname: dice\ndescription: Rolls dice\n---\nRoll.\n" } });
  const gateway = await startTestGateway({
    plugins: [fixtures, scriptedPlugins],
    enable: ["scripted-provider", "scripted-tools", "scripted-channel"],
    onFrame: recorder.onFrame,
    config: merged(
      {
        // What is looked at is what is said, not how fast: a hook that is late on a busy machine is no fault here.
        gateway: { plugins: { hookMs: 30_000 } },
        models: { default: "scripted/one", catalogue: { file: join(import.meta.dir, "..", "fixtures", "catalogue.json") } },
        scripted: { provider: { url: script.url }, tools: { url: script.url } },
        budgets: { limits: { hint: { per: "day", tokens: 1, hard: false, soft: 1, model: "scripted/two" } } },
        channels: { scripted: { url: platform.url, allowFrom: ["ada"] } },
        pairing: { openPerAccount: 4 },
        // Only what a client asks for waits here.
        approvals: { rules: [{ action: "allow", owner: true }] },
        plugins: {
          "registry-client": { config: { clawhub: [{ name: "clawhub", address: clawHub.url }] } },
          ...(options.isolation && Object.fromEntries(processPlugins.map((id) => [id, { isolation: options.isolation }]))),
        },
      },
      options.config ?? {},
    ),
    ...(options.clock && { clock: options.clock }),
    ...(options.home && { home: options.home }),
  });
  const connect = (over: Partial<ClientOptions> = {}) => gateway.connect({ scopes: everyScope, ...over });
  const client = await connect({ caps: options.caps ?? ["tool-events"] });
  await client.call("sessions.subscribe", {});
  let node: Promise<WireClient> | undefined;
  const asNode = () => connect({ client: { id: "node-host", mode: "node" }, device: createDeviceKey(), role: "node", scopes: [] });
  return {
    ...{ gateway, recorder, script, platform, client, connect },
    caller: async (scope) => {
      if (scope !== "node") return client;
      node ??= asNode();
      return node;
    },
    pair: (device = createDeviceKey(), over = {}) => connect({ client: { id: "openclaw-tui", mode: "ui" }, device, ...over }),
    async ask(device, over = {}) {
      const elsewhere = { client: { id: "openclaw-tui", mode: "ui" }, device, headers: { "x-forwarded-for": "203.0.113.7" } };
      try {
        await connect({ scopes: ["operator.read", "operator.write"], ...elsewhere, ...over });
      } catch (error) {
        if (error instanceof WireFailure) return String(error.error.details?.["requestId"]);
        throw error;
      }
      throw new Error("a device from elsewhere was let in without being asked for");
    },
    async settled(runId, of = client) {
      const end = await of.event("chat", (payload) => payload["runId"] === runId && isEnd(payload["state"]));
      const from = of.frames.findIndex(({ payload }) => payload === end);
      const isIdle = ({ sessionKey, session }: Payload) =>
        sessionKey === end["sessionKey"] && (session as Payload | undefined)?.["hasActiveRun"] === false;
      await of.event("sessions.changed", isIdle, from);
      return end;
    },
    async say(message, params = {}, of = client) {
      const given = { sessionKey: MAIN, message, idempotencyKey: crypto.randomUUID(), ...params };
      return (await of.call<{ runId: string }>("chat.send", given)).runId;
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await Promise.all([script.stop(), platform.stop(), clawHub[Symbol.asyncDispose]()]);
    },
  };
}
