/** The commands about what is installed. */

import type { CommandDefinition } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { wordOf } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { backendOf } from "./backend.ts";
import { carryOut } from "./carry-out.ts";
import { fromHere } from "./from-here.ts";
import { readOptions } from "./options.ts";
import { shownInfo, shownReasons } from "./shown.ts";
import { verify } from "./verify.ts";

const valued = ["--accept"];

/** Of every command after which something may do more than before. */
export const consent = {
  yes: "Do it without asking; what may do more than before still needs --accept",
  accept: "Say yes to one of the things that need a yes of their own, in the words that it asked with",
};
/** Of those after which nothing does. */
export const unasked = { yes: "Do it without asking" };

const install: CommandDefinition = {
  command: {
    name: "install",
    summary: "Install plugins and skills: telegram, weather@1.2.0, a folder; shows what each may do, and asks",
    usage: "[package...] [--yes] [--accept <permission>...] [--frozen] [--mend]",
    flags: {
      ...consent,
      frozen: "Install exactly what pincer.lock says, and nothing beside it",
      mend: "With --frozen: also in the place of files that somebody has changed",
    },
  },
  async run(args, io) {
    const options = readOptions(args, valued);
    if (options.has("--frozen")) {
      if (options.words.length > 0)
        throw clientErrors.REGISTRY_CLIENT_USAGE("--frozen installs what pincer.lock says, and nothing beside it");
      const mend = options.has("--mend");
      return carryOut({ do: "restore", ...(mend && { mend }) }, options, `install --frozen${mend ? " --mend" : ""}`, io);
    }
    if (options.has("--mend")) throw clientErrors.REGISTRY_CLIENT_USAGE("--mend belongs to --frozen");
    if (options.words.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE("expected what to install, such as telegram, or --frozen for what pincer.lock says");
    return carryOut(
      { do: "install", packages: options.words.map((typed) => fromHere(typed)) },
      options,
      `install ${options.words.join(" ")}`,
      io,
    );
  },
};

const remove: CommandDefinition = {
  command: {
    name: "remove",
    summary: "Remove plugins and skills; what they kept stays, unless --data",
    usage: "<package> [package...] [--yes] [--data]",
    flags: { ...unasked, data: "Remove what it kept, too" },
  },
  async run(args, io) {
    const options = readOptions(args, valued);
    return carryOut(
      { do: "remove", packages: [...options.words], data: options.has("--data") },
      options,
      `remove ${options.words.join(" ")}`,
      io,
    );
  },
};

const update: CommandDefinition = {
  command: {
    name: "update",
    summary: "Bring what is installed up to date; what may do more than before needs a yes of its own",
    usage: "[package...] [--yes] [--accept <permission>...]",
    flags: consent,
  },
  async run(args, io) {
    const options = readOptions(args, valued);
    const packages = options.words.length > 0 ? { packages: [...options.words] } : {};
    return carryOut({ do: "update", ...packages }, options, ["update", ...options.words].join(" "), io);
  },
};

const rollback: CommandDefinition = {
  command: {
    name: "rollback",
    summary: "Go back to the version before",
    usage: "<package> [--yes] [--accept <permission>...]",
    flags: consent,
  },
  async run(args, io) {
    const options = readOptions(args, valued);
    return carryOut({ do: "rollback", packages: [...options.words] }, options, `rollback ${options.words.join(" ")}`, io);
  },
};

const pin: CommandDefinition = {
  command: {
    name: "pin",
    summary: "Keep a package at its version; --unpin lets it go on",
    usage: "<package> [--unpin]",
    flags: { unpin: "Let it go on with the next update" },
  },
  async run(args, io) {
    const options = readOptions(args, valued);
    const pinned = !options.has("--unpin");
    const { id, version } = await (await backendOf(io)).pin(options.words[0]!, pinned);
    io.result({ ok: true, id, version, pinned }, `${id} ${pinned ? `stays at ${version}` : "goes on with the next update"}`);
    return 0;
  },
};

const list: CommandDefinition = {
  command: {
    name: "list",
    summary: "What is installed, and from where; --outdated: what an update would change",
    usage: "[--outdated]",
    flags: { outdated: "Show only what an update would change, and how" },
  },
  async run(args, io) {
    const backend = await backendOf(io);
    if (readOptions(args, []).has("--outdated")) {
      const { items } = await backend.plan({ do: "update" });
      const outdated = items.filter(({ action, notices }) => action !== "keep" || notices.length > 0);
      const rows = outdated.map(({ id, from = "", to = "", notices }) => [
        id,
        from,
        to,
        plainly(notices.map(({ text }) => text).join("; ")),
      ]);
      io.result({ ok: true, outdated }, rows.length === 0 ? "everything is up to date" : table(["id", "has", "gets", ""], rows));
      return 0;
    }
    const packages = await backend.list();
    const rows = packages.map(({ id, is, version, source, publisher, pinned, before, revoked, automatic }) => [
      ...[id, is, version, source, publisher ?? ""],
      revoked ??
        [...(pinned ? ["pinned"] : []), ...(before === null ? [] : [`${before} is kept`]), ...(automatic === null ? [] : [automatic])].join(
          ", ",
        ),
    ]);
    const none = "nothing was installed: pincer plugins list shows what this Pincer brings; pincer install adds to it";
    io.result(
      { ok: true, packages },
      rows.length === 0
        ? none
        : table(
            ["id", "kind", "version", "from", "by", ""],
            rows.map((row) => row.map(plainly)),
          ),
    );
    return 0;
  },
};

const search: CommandDefinition = {
  command: { name: "search", summary: "Look for plugins and skills, here and in the registries", usage: "<words> [words...]" },
  async run(args, io) {
    const { hits, unheard } = await (await backendOf(io)).search(args.join(" "));
    const rows = hits.map(({ id, kind, version, source, publisher, summary }) => [
      ...[id, wordOf(kind), version, publisher === null ? source : `${source} (${publisher})`, summary],
    ]);
    const found =
      rows.length === 0
        ? "nothing has these words: pincer registry list shows where is looked"
        : table(
            ["id", "kind", "version", "from", "what for"],
            rows.map((row) => row.map(plainly)),
          );
    const silent = unheard.map(({ registry, why }) => plainly(`${registry} did not answer, and was not searched: ${why}`));
    io.result({ ok: true, hits, unheard }, [found, ...silent].join("\n"));
    return 0;
  },
};

const info: CommandDefinition = {
  command: { name: "info", summary: "What a plugin or a skill is and may do, installed or not", usage: "<package>" },
  async run([typed = ""], io) {
    const info = await (await backendOf(io)).info(fromHere(typed));
    io.result({ ok: true, ...info }, shownInfo(info));
    return 0;
  },
};

const why: CommandDefinition = {
  command: { name: "why", summary: "Why a package is here, and who uses it", usage: "<package>" },
  async run([typed = ""], io) {
    const reasons = await (await backendOf(io)).why(typed);
    io.result({ ok: true, ...reasons }, shownReasons(reasons));
    return 0;
  },
};

export const packageCommands: readonly CommandDefinition[] = [install, remove, update, list, search, info, why, pin, rollback, verify];
