/** `pincer registry apply`: what the founders have signed counts from now on. */
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { RegistryError } from "@pincer/registry/error";
import { folderPlace } from "@pincer/registry/publisher/folder-place";
import { persistently } from "@pincer/registry/publisher/persistently";
import { parseStaged } from "@pincer/registry/repository/staged";
import { clientErrors } from "../errors.ts";
import { readInput } from "./input-file.ts";
import { passphraseOf, readKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { needed, now, persistence, placeFlags, placeOf, placeUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { isAddress } from "./registry-place.ts";

export const apply: CommandDefinition = {
  command: withFlags(
    {
      name: "registry apply",
      summary: "Have what was staged and signed count from now on",
      usage: `<file> [--online <file>] [--passphrase-file <file>] ${placeUsage}`,
    },
    { online: "The file with the server's new key, where that is another" },
  ),
  async run(args, io) {
    const options = readOptions(args, ["--online", "--passphrase-file", ...placeFlags]);
    const [file = ""] = options.words;
    const staged = stagedIn(file);
    const online = options.value("--online");
    const registry = needed(options, "--registry", "the folder or the address of the registry");
    if (online !== undefined && isAddress(registry))
      throw clientErrors.REGISTRY_CLIENT_USAGE("--online: the server's key becomes another where its folder is: say that as --registry");
    const place =
      online === undefined ? placeOf(options, io) : folderPlace(resolve(registry), { online: readKey(online, passphraseOf(options)), now });
    const applied = await persistently(persistence(io), () => place.apply(staged));
    const lines = [
      applied.length > 0
        ? `${dot("good")} ${applied.join(", ")} of ${place.name} ${applied.length === 1 ? "counts" : "count"} from now on`
        : `${dot("good")} all of that counts already in ${place.name}`,
      ...(online === undefined ? [] : [`  next  put ${online} where the server has its online.pem, and start it again`]),
    ];
    io.result({ ok: true, registry: place.name, applied }, lines.join("\n"));
    return 0;
  },
};

function stagedIn(file: string): ReturnType<typeof parseStaged> {
  const bytes = readInput(file, "what pincer registry stage has written");
  try {
    return parseStaged(bytes);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError(error.code, `${resolve(file)}: ${error.message}`, { cause: error });
  }
}
