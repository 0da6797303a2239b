/** `pincer secrets`: values come from a prompt or a pipe, never from the command line, where others could read them. */
import { requireValid } from "@pincer/plugin-sdk/check";
import { dim, dot } from "@pincer/plugin-sdk/command/colour";
import { table } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { readHiddenLine } from "@pincer/plugin-sdk/command/hidden-line";
import { SecretName } from "@pincer/plugin-sdk/contracts/secrets";
import { describeSecret } from "../../plugin-kit/secret-readers.ts";
import { asking } from "./client.ts";
import { usageError } from "./command.ts";
import { CliError } from "./failure.ts";
import type { Plugin } from "./plugins.ts";

export const list = asking(async (client) => {
  const { entries } = await client.call<{ entries: { name: string; updatedAtMs: number; updatedBy: string }[] }>("secrets.store.list", {});
  const rows = entries.map(({ name, updatedAtMs, updatedBy }) => [name, new Date(updatedAtMs).toLocaleString(), updatedBy]);
  return [entries, rows.length === 0 ? dim("none; pincer secrets set <NAME> keeps one") : table(["name", "written", "by"], rows)];
});

export const set = asking(async (client, { args: [name = ""] }) => {
  // Nobody is asked for the value of what cannot be kept.
  requireValid(SecretName, name, (_, { expected }) => usageError(`<NAME>: expected ${expected}, came ${JSON.stringify(name)}`));
  const value = await readHiddenLine(`Value of ${name} (not shown): `);
  if (value === undefined) throw new CliError("nothing was kept", { exit: EXIT.interrupted });
  if (value === "") throw new CliError("the value is empty; nothing was kept", { next: `printf %s "$VALUE" | pincer secrets set ${name}` });
  await client.call("secrets.store.set", { name, value, kind: "secret" });
  const { plugins } = await client.call<{ plugins: Plugin[] }>("plugins.status", {}).catch(() => ({ plugins: [] as Plugin[] })); // silent-ok: who would answer is not enabled
  return [{ ok: true, name }, `${dot("good")} ${name} is kept, encrypted. ${describeSecret(name, plugins)}`];
});

export const remove = asking(async (client, { args: [name] }) => {
  return [await client.call("secrets.store.delete", { name }), `${dot("good")} ${name} is forgotten`];
});
