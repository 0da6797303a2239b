import { definePlugin } from "@pincer/plugin-sdk";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";
import { type Grant, type KnownPlugin, notesOn } from "./notes.ts";

/** Plugins get a secret's new value at their next request; a snapshot of the configuration is not taken anew. */
const done = { ok: true, reloaded: false } as const;
/** The wire knows further kinds of entries, and stores that belong to somebody; here is one for everybody. */
const inStore = { kind: "secret", scopeKind: "team", scopeId: "" } as const;

const commands = [
  ["secrets grant", true, "Let a plugin read a secret"],
  ["secrets revoke", false, "Let a plugin read a secret no longer"],
] as const;

export default definePlugin({
  uses: { secrets },

  setup({ command, method, uses }) {
    method(methods.list, async (_params, call) => {
      const { entries } = await uses.secrets.list({}, call);
      return { entries: entries.map((entry) => ({ ...entry, ...inStore })) };
    });
    method(methods.set, async ({ name, value }, call) => {
      await uses.secrets.set({ name, value, by: call.connection.principal }, call);
      return done;
    });
    method(methods.remove, async (params, call) => {
      await uses.secrets.delete(params, call);
      return done;
    });
    method(methods.rotate, async (_params, call) => ({ ok: true as const, ...(await uses.secrets.rotate({}, call)) }));
    method(methods.grant, async ({ granted = true, ...params }, call) => {
      await uses.secrets.grant({ ...params, granted }, call);
      return { ok: true as const };
    });
    for (const [name, granted, summary] of commands) {
      command({ name, summary, usage: "<NAME> <plugin>" }, async ([secret = "", plugin = ""], io) => {
        const grant: Grant = { name: secret, plugin, granted };
        await io.call(methods.grant.name, grant);
        const { entries } = (await io.call(methods.list.name, {})) as ResultOf<typeof methods.list>;
        const status = (await io.call("plugins.status", {}).catch(() => undefined)) as { plugins: readonly KnownPlugin[] } | undefined; // silent-ok: who would answer is not enabled
        const kept = entries.map((entry) => entry.name);
        const notes = notesOn(grant, kept, status?.plugins);
        const isOwn = status?.plugins.some(({ id, origin }) => id === plugin && origin === "embedded");
        const said = [...(isOwn ? [] : [`${plugin} ${granted ? "may" : "may no longer"} read ${secret}`]), ...notes];
        io.print(io.json ? JSON.stringify({ ...grant, notes }) : said.join("\n  "));
        return 0;
      });
    }
    method(methods.grants, async (_params, call) => uses.secrets.grants({}, call));
  },
});
