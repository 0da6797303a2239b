/** `pincer registry grant`: the operator's word on who may have a name, and who waits for it. */

import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { isName, type Kind, type PackageName } from "@pincer/registry/name";
import { openOperator } from "@pincer/registry/server/operator";
import { clientErrors } from "../errors.ts";

export const grant: CommandDefinition = {
  command: {
    name: "registry grant",
    summary: "Say who may have a name; without one, show who waits",
    usage: "<registry> [plugins/name] [publisher]",
  },
  async run([folder = "", name, publisher], io) {
    using operator = openOperator(resolve(folder), () => systemClock.now());
    if (name === undefined) {
      const held = operator.names.held();
      const rows = held.map((one) => [`${one.kind}/${one.id}`, plainly(one.publisher), plainly(one.why)]);
      const next = `\n\n  next  pincer registry grant ${folder} <name> <publisher>`;
      const waits = rows.length === 0 ? "nobody waits" : table(["name", "publisher", "why"], rows) + next;
      io.result({ ok: true, held, granted: operator.names.granted() }, waits);
      return 0;
    }
    if (publisher === undefined) throw clientErrors.REGISTRY_CLIENT_USAGE(`expected the publisher that gets ${name} behind it`);
    const wanted = nameIn(name);
    operator.names.grant(wanted, publisher);
    io.result({ ok: true, ...wanted, publisher }, `${name} is ${publisher}'s to publish`);
    return 0;
  },
};

function nameIn(text: string): PackageName {
  const [kind, id = "", ...more] = text.split("/");
  if ((kind === "plugins" || kind === "skills") && isName(id) && more.length === 0) return { kind: kind as Kind, id };
  throw clientErrors.REGISTRY_CLIENT_USAGE(`expected plugins/<name> or skills/<name>, came ${JSON.stringify(text)}`);
}
