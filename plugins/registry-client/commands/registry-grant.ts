/** `pincer registry grant`: the operator's word on who may have a name, and who waits for it. */

import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { isName, type Kind, type PackageName } from "@pincer/registry/name";
import { type Operator, openOperator } from "@pincer/registry/server/operator";
import { publicKeyOf } from "@pincer/registry/trust/key";
import { hexKeysOf, isSameOwner, type Owner } from "@pincer/registry/trust/owner";
import { clientErrors } from "../errors.ts";
import { publicKeyIn, shortKey } from "./keys.ts";
import { readOptions } from "./options.ts";

export const grant: CommandDefinition = {
  command: {
    name: "registry grant",
    summary: "Say who may have a name; without one, show who waits",
    usage: "<registry> [plugins/name] [publisher] [--new-key <file-or-public-key>...]",
    flags: { "new-key": "A key of that publisher, as shown for who waits, or of one whom the registry does not know; all of them" },
  },
  async run(args, io) {
    const options = readOptions(args, ["--new-key"]);
    const [folder = "", name, publisher] = options.words;
    using operator = openOperator(resolve(folder), () => systemClock.now());
    if (name === undefined) {
      const held = operator.names.held();
      const rows = held.map((one) => [`${one.kind}/${one.id}`, plainly(one.publisher), shownKeys(one), plainly(one.why)]);
      const next = `\n\n  next  pincer registry grant ${folder} <name> <publisher> --new-key <key>`;
      const waits = rows.length === 0 ? "nobody waits" : table(["name", "publisher", "keys", "why"], rows) + next;
      io.result({ ok: true, held, granted: operator.names.granted() }, waits);
      return 0;
    }
    if (publisher === undefined) throw clientErrors.REGISTRY_CLIENT_USAGE(`expected the publisher that gets ${name} behind it`);
    const wanted = nameIn(name);
    const owner = ownerFor(operator, wanted, publisher, options.values("--new-key"));
    const [keys, { threshold }] = [hexKeysOf(owner), owner];
    operator.names.grant(wanted, publisher, owner);
    const whom = `${publisher}'s to publish, with ${shownKeys({ keys, threshold })}`;
    io.result({ ok: true, ...wanted, publisher, keys, threshold }, `${name} is ${whom}`);
    return 0;
  },
};

/** Whose the name becomes: of several who call themselves that, whom the keys say. */
function ownerFor(operator: Operator, { kind, id }: PackageName, publisher: string, typed: readonly string[]): Owner {
  const known = operator.publisher(publisher);
  const waiting = operator.names
    .held()
    .filter((one) => one.kind === kind && one.id === id && one.publisher === publisher && one.keys.length > 0)
    .map(({ keys, threshold }): Owner => ({ keys: keys.map(publicKeyOf), threshold }));
  const all = [...(known ? [known] : []), ...waiting.filter((one) => !known || !isSameOwner(one, known))];
  const each = all.map((one) => shown(one)).join("; ");
  if (typed.length === 0) {
    const [only, ...others] = all;
    if (only && others.length === 0) return only;
    throw clientErrors.REGISTRY_CLIENT_USAGE(
      only
        ? `--new-key is missing: ${all.length} call themselves ${publisher} (${each})`
        : `--new-key is missing: ${publisher} is new here and does not wait for ${id} with a key, and whoever comes first could call himself that`,
    );
  }
  const shortOnes = all.flatMap(({ keys }) => keys);
  const keys = [...new Set(typed)].map((text) => shortOnes.find(({ json }) => shortKey(json.keyval.public) === text) ?? publicKeyIn(text));
  const said = hexKeysOf({ keys, threshold: 1 });
  if (known && !Bun.deepEquals(hexKeysOf(known), said))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`${publisher} signs with ${shown(known)} here, and nobody else can publish as ${publisher}`);
  // Whoever has one key of several could have asked that it alone should count.
  const [strictest] = all.filter((one) => Bun.deepEquals(hexKeysOf(one), said)).sort((a, b) => b.threshold - a.threshold);
  return known ?? strictest ?? { keys, threshold: 1 };
}

const shown = (owner: Owner): string => shownKeys({ keys: hexKeysOf(owner), threshold: owner.threshold });

function shownKeys({ keys, threshold }: { readonly keys: readonly string[]; readonly threshold: number }): string {
  if (keys.length === 0) return "unknown";
  return keys.map(shortKey).join(" ") + (threshold > 1 ? `, ${threshold} of them` : "");
}

function nameIn(text: string): PackageName {
  const [kind, id = "", ...more] = text.split("/");
  if ((kind === "plugins" || kind === "skills") && isName(id) && more.length === 0) return { kind: kind as Kind, id };
  throw clientErrors.REGISTRY_CLIENT_USAGE(`expected plugins/<name> or skills/<name>, came ${JSON.stringify(text)}`);
}
