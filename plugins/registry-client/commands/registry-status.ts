/** `pincer registry status`: which keys sign what, until when that counts, what waits for somebody, and what to type about it. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { RegistryError } from "@pincer/registry/error";
import { openOperator } from "@pincer/registry/server/operator";
import { joined, type RegistrySource } from "@pincer/registry/source";
import { type RoleStatus, statusOf } from "@pincer/registry/status";
import { publisherRole } from "@pincer/registry/trust/role";
import { readOffers, type Transfer } from "@pincer/registry/trust/statement";
import { keyFolderOf, namedKeys, shortKey } from "./keys.ts";
import { type Options, readOptions } from "./options.ts";
import { now } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { isAddress, rootFor, sourceAt } from "./registry-place.ts";
import { counted } from "./shown.ts";
import { whatToType } from "./what-to-type.ts";

export const status: CommandDefinition = {
  command: withFlags(
    {
      name: "registry status",
      summary: "Show which keys sign what in a registry, until when that counts, and what waits for whom",
      usage: "<folder-or-url> [--root <file>] [--key-folder <folder>]",
    },
    {},
  ),
  async run(args, io) {
    const options = readOptions(args, ["--root", "--key-folder"]);
    const [registry = ""] = options.words;
    const source = await sourceAt(registry, io);
    const root = await rootFor(source, options.value("--root"), io.signal);
    const { roles, revocations, problems } = await statusOf({ source, root: root.bytes, now, signal: io.signal });
    const { server, waits } = isAddress(registry)
      ? await toldAt(source, registry, io)
      : { server: undefined, waits: waitingIn(resolve(registry), registry, roles) };
    const due = roles.filter(({ state }) => state !== "fresh").map((one) => ({ ...one, type: whatToType(one.role, registry) }));
    const isWell = due.length === 0 && problems.length === 0;
    const names = keyNames(registry, options);
    const lines = [
      `${dot(isWell ? "good" : "bad")} ${registry}${due.length > 0 ? `: ${counted(due.length, "role")} to be signed anew` : ""}`,
      table(["role", "version", "signed by", "counts until"], rowsOf(roles, names)).replace(/^/gm, "  "),
      ...(revocations.length > 0 ? [`  revoked  ${revocations.length} named in the list`] : []),
      ...(server === undefined ? [] : [`  server   ${server}`]),
      ...waits.map(({ what, type }) => `  waits    ${plainly(what)}\n           ${plainly(type)}`),
      ...problems.map(({ role, message, code }) => `  wrong    ${role}: ${plainly(message)} (${code})`),
      ...due.map(
        ({ role, state, expires, type }) =>
          `  due      ${role} ${state === "expired" ? "has expired" : "expires"} ${expires}\n           ${type}`,
      ),
    ];
    io.result(
      { ok: isWell, registry, roles, due, waits, problems, revocations, ...(server !== undefined && { server }) },
      lines.join("\n"),
    );
    return isWell ? 0 : 1;
  },
};

/** The parts of the names in one row, by the one that ends first. */
function rowsOf(roles: readonly RoleStatus[], names: ReadonlyMap<string, string>): readonly (readonly string[])[] {
  const signedBy = ({ keys, threshold }: RoleStatus) => {
    const shown = keys.map((key) => names.get(key) ?? shortKey(key)).join(", ");
    return threshold === keys.length ? shown : `${threshold} of ${shown}`;
  };
  const parts = roles.filter(({ role }) => role.startsWith("names-"));
  const [first] = parts.toSorted((a, b) => (a.expires < b.expires ? -1 : 1));
  const row = (one: RoleStatus, role = one.role, version = String(one.version)) => [role, version, signedBy(one), one.expires.slice(0, 10)];
  const rows = roles.filter(({ role }) => !role.startsWith("names-")).map((one) => row(one));
  return first ? [...rows, row(first, `names (${parts.length})`, "")] : rows;
}

/** What the keys that lie where this registry has its own are called there. */
function keyNames(registry: string, options: Options): ReadonlyMap<string, string> {
  if (isAddress(registry)) return new Map();
  return namedKeys(keyFolderOf(resolve(registry), options.value("--key-folder")));
}

/** What somebody should do, and what that one types. */
interface Waiting {
  readonly what: string;
  readonly type: string;
}

function waitingIn(folder: string, registry: string, roles: readonly RoleStatus[]): readonly Waiting[] {
  if (!existsSync(join(folder, "server.db"))) return [];
  using operator = openOperator(folder, now);
  const isCurrent = (from: string, list: number) => (roles.find(({ role }) => role === publisherRole(from))?.version ?? 0) === list;
  return [
    ...operator.names.held().map(({ kind, id, publisher, keys, why }) => ({
      what: `${publisher} waits for ${kind}/${id}: ${why}`,
      type: ["pincer registry grant", registry, `${kind}/${id}`, publisher, ...keys.map((key) => `--new-key ${shortKey(key)}`)].join(" "),
    })),
    ...operator
      .offers()
      .filter(({ from, list }) => isCurrent(from, list))
      .map((one) => offered(one, registry)),
  ];
}

const offered = ({ kind, id, to, expires }: Transfer, registry: string): Waiting => ({
  what: `${id} is offered to ${to}, until ${expires}`,
  type: `pincer registry transfer accept ${kind === "skills" ? "skill:" : ""}${id} --registry ${registry} --publisher ${to} --key <file>`,
});

interface Told {
  /** In words. */
  readonly server: string;
  readonly waits: readonly Waiting[];
}

/** What its server says of itself and of who waits; a host of files alone says nothing. */
async function toldAt(source: RegistrySource, registry: string, io: CommandIo): Promise<Told> {
  const ask = (path: string, limit: number) => joined(source.read(`api/v1/${path}`, { limit, signal: io.signal }));
  try {
    const { claims, packages, waiting = 0 } = JSON.parse(Buffer.from(await ask("", 64 * 1024)).toString("utf8"));
    const names = claims === "open" ? "free names are taken by whoever comes first" : "names are given by whoever runs it";
    const held = {
      what: `${counted(Number(waiting), "publication")} for the word of whoever runs it`,
      type: "pincer registry grant <its folder>",
    };
    const offers = await offersAt(() => ask("offers", 4 * 2 ** 20));
    return {
      server: `takes publications; ${names}; ${counted(Number(packages), "package")}`,
      waits: [...(waiting > 0 ? [held] : []), ...offers.map((one) => offered(one, registry))],
    };
  } catch (error) {
    if (!(error instanceof RegistryError || error instanceof SyntaxError)) throw error;
    return { server: "files alone: nothing is published over it", waits: [] };
  }
}

/** None, of a server that has no list of them: one of an earlier version. */
async function offersAt(ask: () => Promise<Uint8Array>): Promise<readonly Transfer[]> {
  try {
    return readOffers(await ask());
  } catch (error) {
    if (error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND") return [];
    throw error;
  }
}
