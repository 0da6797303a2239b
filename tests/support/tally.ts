/** A plugin that counts in memory and hands that over, for tests of what a plugin keeps. */
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { Type } from "@sinclair/typebox";
import { type HostKit, type HostOptions, startHost, writePlugin } from "../fixtures/plugin-host.ts";

const { signal } = new AbortController();
export const io = { signal };
const caller = { connection: { caps: new Set() }, role: "operator", scopes: [], signal, accepted: () => undefined } as never;
export const turn = () => new Promise((next) => setImmediate(next));

const Count = Type.Object({ count: Type.Integer() });
export const tally = defineContract({
  id: "tally",
  version: 1,
  arity: "one",
  members: {
    add: call(Type.Object({}), Count),
    run: stream(Type.Object({ times: Type.Integer() }), Count, Count),
    line: stream(Type.Object({}), Type.Object({ state: Type.String() }), Type.Object({}), { held: { state: "connected" } }),
  },
});

export interface TallyParts {
  readonly schema?: string;
  readonly snapshot?: string;
  readonly restore?: string;
  /** At the beginning of every `add`; of every `line`. */
  readonly add?: string;
  readonly line?: string;
  /** In setup. */
  readonly also?: string;
}
export const tallySource = (version: number, parts: TallyParts = {}) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Count = Type.Object({ count: Type.Integer() });
const tally = defineContract({ id: "tally", version: 1, arity: "one", members: {
  add: call(Type.Object({}), Count), run: stream(Type.Object({ times: Type.Integer() }), Count, Count),
  line: stream(Type.Object({}), Type.Object({ state: Type.String() }), Type.Object({}), { held: { state: "connected" } }) } });
const Seen = Type.Object({ count: Type.Integer(), version: Type.Integer() });
const method = (name, result) => defineMethod({ name, summary: "x", scope: "any", params: Type.Object({}), result });
const turn = () => new Promise((next) => setImmediate(next));
export default definePlugin({ setup(ctx) {
  let count = 0;
  const gate = Promise.withResolvers();
  ctx.state(${parts.schema ?? "Count"}, {
    snapshot: async () => { ${parts.snapshot ?? "return { count };"} },
    restore: async (state) => { ${parts.restore ?? "count = state.count;"} },
  });
  ctx.provide(tally, "tally", {}, {
    async add() { ${parts.add ?? ""} await turn(); count++; return { count }; },
    async *run({ times }) { for (let n = 0; n < times; n++) { await turn(); yield { count: ++count }; } return { count }; },
    async *line(_, { signal }) {
      ${parts.line ?? ""}
      yield { state: "connected" };
      await new Promise((ended) => signal.addEventListener("abort", ended));
      count++;
      return {};
    },
  });
  ctx.method(method("tally.look", Seen), () => ({ count, version: ${version} }));
  ctx.method(method("tally.open", Type.Object({})), () => { gate.resolve(); return {}; });
  ${parts.also ?? ""}
} });`;

export const startTally = (isolation: "inline" | "process", first: string, options: HostOptions = {}, manifest = {}) =>
  startHost({
    ...{ clock: systemClock, config: { plugins: { tally: { isolation } } } },
    confinement: async () => ({ missing: "these tests run without one", mend: "" }),
    prepare: (plugins) => writePlugin(plugins, "tally", first, manifest).then(() => undefined),
    ...options,
  });
export const reload = async (kit: HostKit, next: string) => {
  await writePlugin(kit.plugins, "tally", next);
  return kit.host.reload("tally");
};
export const ask = async (kit: HostKit, method: string) => (await kit.host.methods.find(method)!.resolve()).invoke({}, caller);
export const look = (kit: HostKit) => ask(kit, "tally.look") as Promise<{ count: number; version: number }>;
export const add = (kit: HostKit) => kit.host.handle(tally).add({}, io);
