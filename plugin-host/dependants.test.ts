/** Who uses a capability goes on without a restart when it is replaced, switched, taken away and given back, wherever the two run. */
import { expect, test } from "bun:test";
import { type HostKit, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const { signal } = new AbortController();
const caller = { connection: { caps: new Set() }, role: "operator", scopes: [], signal, accepted: () => undefined } as never;

const contracts = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract, ifPresent, optional, stream } from "@pincer/plugin-sdk/contract";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Said = Type.Object({ said: Type.String() });
const word = defineContract({ id: "word", version: 1, arity: "one", members: { say: call(Type.Object({}), Said),
  shout: optional(call(Type.Object({}), Said)), spell: stream(Type.Object({}), Said, Said) } });
const book = defineContract({ id: "book", version: 1, arity: "many", record: Type.Object({ pages: Type.Integer() }), members: { read: call(Type.Object({}), Said) } });
const extra = defineContract({ id: "extra", version: 1, arity: "one", members: { say: call(Type.Object({}), Said) } });
`;
const provider = (id: string, version: number, shouts = false) => `${contracts}
export default definePlugin({ setup(ctx) {
  const said = async () => ({ said: "${id} ${version}" });
  ctx.provide(word, "${id}", {}, { say: said, ${shouts ? "shout: said," : ""} async *spell() {
    yield await said(); yield await said(); return said(); } });
  ctx.provide(book, "${id}", { pages: ${version} }, { read: said });
  ${id === "beta" ? 'ctx.provide(extra, "beta", {}, { say: said });' : ""}
} });`;

/** What it sees of the others, and what they say, is all that it tells. */
const asker = `${contracts}
const Seen = Type.Object({ said: Type.String(), shouts: Type.Boolean(), extra: Type.String(), books: Type.Array(Type.String()), read: Type.Array(Type.String()) });
const look = defineMethod({ name: "asker.look", summary: "x", scope: "any", params: Type.Object({}), result: Seen });
const step = defineMethod({ name: "asker.step", summary: "x", scope: "any", params: Type.Object({}), result: Said });
export default definePlugin({ uses: { word, book, extra: ifPresent(extra) }, setup(ctx) {
  const { signal } = new AbortController();
  const io = { signal };
  const because = (error) => { if (!error.code) throw error; return { said: error.code + " " + error.retryable }; };
  ctx.method(look, async () => {
    const { word, book, extra } = ctx.uses;
    const books = book.list();
    return {
      ...(await word.say({}, io).catch(because)),
      shouts: word.shout !== undefined && (await word.shout({}, io)).said.length > 0,
      extra: extra ? (await extra.say({}, io)).said : "none",
      books: books.map(({ name, record }) => name + " of " + record.pages),
      read: await Promise.all(books.map(async ({ name }) => (await book.get(name).read({}, io)).said)),
    };
  });
  let spelling;
  ctx.method(step, async () => {
    spelling ??= ctx.uses.word.spell({}, io);
    const { value, done } = await spelling.next();
    if (done) spelling = undefined;
    return value;
  });
} });`;

const ask = async (kit: HostKit, method: string) => (await kit.host.methods.find(method)!.resolve()).invoke({}, caller);

for (const user of ["inline", "process"] as const)
  for (const provides of ["inline", "process"] as const)
    test(`a plugin ${user} follows its provider ${provides}`, async () => {
      const isolation = { asker: { isolation: user }, alpha: { isolation: provides }, beta: { isolation: provides } };
      await using kit = await startHost({
        confinement: async () => ({ missing: "these tests run without one", mend: "" }),
        config: { plugins: isolation },
        async prepare(plugins) {
          await writePlugin(plugins, "asker", asker);
          await writePlugin(plugins, "alpha", provider("alpha", 1), { rank: 2 });
          await writePlugin(plugins, "beta", provider("beta", 1, true));
        },
      });
      const look = () => ask(kit, "asker.look");
      const both = { books: ["alpha of 1", "beta of 1"], read: ["alpha 1", "beta 1"], extra: "beta 1" };
      expect(await look()).toEqual({ said: "alpha 1", shouts: false, ...both });
      expect(await ask(kit, "asker.step")).toEqual({ said: "alpha 1" });
      const { pid } = kit.host.inspect("asker");

      // Reloaded, with another manifest; what has begun ends where it began.
      await writePlugin(kit.plugins, "alpha", provider("alpha", 2, true), { rank: 2 });
      await kit.host.reload("alpha");
      const newer = { books: ["alpha of 2", "beta of 1"], read: ["alpha 2", "beta 1"], extra: "beta 1" };
      expect(await look()).toEqual({ said: "alpha 2", shouts: true, ...newer });
      expect([await ask(kit, "asker.step"), await ask(kit, "asker.step")]).toEqual([{ said: "alpha 1" }, { said: "alpha 1" }]);
      await writePlugin(kit.plugins, "alpha", provider("alpha", 3), { rank: 2 });
      await kit.host.reload("alpha");
      const newest = { books: ["alpha of 3", "beta of 1"], read: ["alpha 3", "beta 1"], extra: "beta 1" };
      expect(await look()).toEqual({ said: "alpha 3", shouts: false, ...newest });

      // Switched by the operator.
      const configure = async (config: object) => {
        await kit.configure(config);
        await kit.host.refresh();
      };
      await configure({ plugins: isolation, capabilities: { word: "beta" } });
      expect(await look()).toEqual({ said: "beta 1", shouts: true, ...newest });

      // Taken away, and given back.
      const off = { ...isolation, beta: { isolation: provides, enabled: false } };
      await configure({ plugins: off, capabilities: { word: "beta" } });
      const alone = { shouts: false, books: ["alpha of 3"], read: ["alpha 3"], extra: "none" };
      expect(await look()).toEqual({ said: "CAPABILITY_MISSING true", ...alone });
      await configure({ plugins: off });
      expect(await look()).toEqual({ said: "alpha 3", ...alone });
      await configure({ plugins: isolation, capabilities: { word: "beta" } });
      expect(await look()).toEqual({ said: "beta 1", shouts: true, ...newest });
      expect(kit.host.inspect("asker")).toMatchObject({ state: "active", generation: 1, ...(pid !== undefined && { pid }) });
    });
