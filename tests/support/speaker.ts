/** A plugin whose every answer says which version of it gave it, for tests of generations. */
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { Type } from "@sinclair/typebox";
import { type HostKit, startHost, writePlugin } from "../fixtures/plugin-host.ts";

export const speaker = defineContract({
  id: "speaker",
  version: 1,
  arity: "one",
  members: {
    speak: call(Type.Object({}), Type.Object({ version: Type.Integer() })),
    recite: stream(
      Type.Object({ lines: Type.Integer() }),
      Type.Object({ version: Type.Integer() }),
      Type.Object({ version: Type.Integer() }),
    ),
  },
});

export const imports = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Version = Type.Object({ version: Type.Integer() });
const speaker = defineContract({ id: "speaker", version: 1, arity: "one", members: {
  speak: call(Type.Object({}), Version), recite: stream(Type.Object({ lines: Type.Integer() }), Version, Version) } });
const ask = defineMethod({ name: "speaker.ask", summary: "", scope: "any", params: Type.Object({}), result: Version });
`;
/** `also` stands in setup, `speak` is the body of the call. */
export const speakerSource = (version: number, { also = "", speak = "", top = "" } = {}) => `${imports}
${top}
const version = ${version};
export default definePlugin({ setup(ctx) {
  ctx.provide(speaker, "speaker", {}, {
    async speak(_, { signal }) { ${speak} return { version }; },
    async *recite({ lines }) { for (let n = 0; n < lines; n++) { yield { version }; await new Promise((r) => setImmediate(r)); } return { version }; },
  });
  ctx.method(ask, () => ({ version }));
  ${also}
} });`;

export const io = { signal: new AbortController().signal };
export const caller = { connection: {}, role: "operator", scopes: [], signal: io.signal, accepted: () => undefined } as never;
export const startSpeaker = (source: string, options: Parameters<typeof startHost>[0] = {}) =>
  startHost({ prepare: (plugins) => writePlugin(plugins, "speaker", source).then(() => undefined), ...options });
export const swapTo = async (kit: HostKit, source: string) => {
  await writePlugin(kit.plugins, "speaker", source);
  return kit.host.reload("speaker");
};
export const versionOf = async (kit: HostKit) => (await kit.host.handle(speaker).speak({}, io)).version;
export const turn = () => new Promise((resolve) => setImmediate(resolve));
export const drained = async (kit: HostKit) => {
  while (kit.host.inspect("speaker").draining.length > 0) await turn();
};
/** What plugins of a test tell it, and what it lets them wait for; both are globals to them. */
export const told: string[] = [];
const gates = new Map<string, PromiseWithResolvers<void>>();
Object.assign(globalThis, { told, gates });
export const gate = (name: string): PromiseWithResolvers<void> => gates.get(name) ?? gates.set(name, Promise.withResolvers()).get(name)!;
export function forget(): void {
  told.length = 0;
  gates.clear();
}
