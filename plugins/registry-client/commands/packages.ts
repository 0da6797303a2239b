/** The commands about what is installed. */

import { clientErrors } from "../errors.ts";
import { backendOf } from "./backend.ts";
import { carryOut } from "./carry-out.ts";
import type { CommandDefinition } from "./command.ts";
import { wordsOf } from "./words.ts";

const valued = ["--accept"];

const install: CommandDefinition = {
  command: {
    name: "install",
    summary: "Install plugins: telegram, weather@1.2.0, a folder; it shows what each may do, and asks",
    usage: "[--yes] [--accept] [--frozen] [package...]",
  },
  async run(args, io) {
    const words = wordsOf(args, valued);
    if (words.has("--frozen")) {
      if (words.names.length > 0)
        throw clientErrors.REGISTRY_CLIENT_USAGE("--frozen installs what pincer.lock says, and nothing beside it");
      return carryOut({ do: "restore" }, words, "install --frozen", io);
    }
    if (words.names.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE("expected what to install, such as telegram, or --frozen for what pincer.lock says");
    return carryOut({ do: "install", packages: [...words.names] }, words, `install ${words.names.join(" ")}`, io);
  },
};

const remove: CommandDefinition = {
  command: {
    name: "remove",
    summary: "Remove plugins; what they kept stays, unless --data",
    usage: "[--yes] [--data] <package> [package...]",
  },
  async run(args, io) {
    const words = wordsOf(args, valued);
    return carryOut({ do: "remove", packages: [...words.names], data: words.has("--data") }, words, `remove ${words.names.join(" ")}`, io);
  },
};

const update: CommandDefinition = {
  command: {
    name: "update",
    summary: "Bring what is installed up to date; what may do more than before needs a yes of its own",
    usage: "[--yes] [--accept] [package...]",
  },
  async run(args, io) {
    const words = wordsOf(args, valued);
    const packages = words.names.length > 0 ? { packages: [...words.names] } : {};
    return carryOut({ do: "update", ...packages }, words, ["update", ...words.names].join(" "), io);
  },
};

const rollback: CommandDefinition = {
  command: { name: "rollback", summary: "Go back to the version before", usage: "[--yes] <package>" },
  async run(args, io) {
    const words = wordsOf(args, valued);
    return carryOut({ do: "rollback", packages: [...words.names] }, words, `rollback ${words.names.join(" ")}`, io);
  },
};

const pin: CommandDefinition = {
  command: { name: "pin", summary: "Keep a plugin at its version; --unpin lets it go on", usage: "[--unpin] <package>" },
  async run(args, io) {
    const words = wordsOf(args, valued);
    const pinned = !words.has("--unpin");
    const { id, version } = await (await backendOf(io)).pin(words.names[0]!, pinned);
    io.print(
      io.json
        ? JSON.stringify({ ok: true, id, version, pinned })
        : `${id} ${pinned ? `stays at ${version}` : "goes on with the next update"}`,
    );
    return 0;
  },
};

export const packageCommands: readonly CommandDefinition[] = [install, remove, update, rollback, pin];
