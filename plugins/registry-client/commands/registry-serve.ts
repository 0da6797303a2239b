/** `pincer registry serve`: a registry's server, until it is told to stop. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createEmbedded } from "../engine/package/embedded.ts";
import { clientErrors } from "../errors.ts";
import { embedded } from "../home.ts";
import { keyFolderOf, onlineKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { withFlags } from "./registry-flags.ts";

export const serve: CommandDefinition = {
  command: withFlags(
    {
      name: "registry serve",
      summary: "Serve a registry: its files, publishing, search and counts",
      usage: "<folder> [--port <number>] [--host <address>] [--key-folder <folder>]",
    },
    {
      port: "Where it listens (default 4870; 0: one that is free)",
      host: "The address on which it listens (default 127.0.0.1, this machine alone)",
    },
  ),
  async run(args, io) {
    const options = readOptions(args, ["--port", "--host", "--key-folder"]);
    const folder = resolve(options.words[0] ?? "");
    const port = portIn(options.value("--port") ?? "4870");
    if (!existsSync(join(folder, "metadata", "1.root.json")))
      throw clientErrors.REGISTRY_CLIENT_USAGE(`${folder} holds no registry: "pincer registry init" makes one in an empty folder`);
    const online = onlineKey(keyFolderOf(folder, options.value("--key-folder")));
    // Only here: who runs no registry does not load what serves one.
    const [{ serveRegistry }, { readSettings }, { ownAddresses }] = await Promise.all([
      import("@pincer/registry/server/serve"),
      import("@pincer/registry/server/settings"),
      import("@pincer/registry/server/address"),
    ]);
    const settings = readSettings(folder);
    const host = options.value("--host") ?? "127.0.0.1";
    const isUnnamed = ownAddresses(settings, host, port).length === 0;
    const told = Promise.withResolvers<void>();
    const stop = () => told.resolve();
    const server = await serveRegistry({
      folder,
      online,
      host,
      port,
      settings,
      clock: systemClock,
      reserved: ownNames(),
      onFault: (error) => say(io, { ok: false, fault: String(error) }, `${dot("bad")} ${error instanceof Error ? error.stack : error}`),
    });
    io.signal.addEventListener("abort", stop);
    process.once("SIGTERM", stop);
    say(
      io,
      { ok: true, url: server.url, folder, pid: process.pid, ...(isUnnamed && { warning: unnamed(folder) }) },
      [welcome(server.url, folder, settings.claims), ...(isUnnamed ? [`${dot("bad")} ${unnamed(folder)}`] : [])].join("\n"),
    );
    await told.promise;
    await server.stop();
    say(io, { ok: true, stopped: true }, `${dot("good")} stopped`);
    return 0;
  },
};

/** A line each with --json, since it goes on: whoever reads it must know where one ends. */
const say = (io: CommandIo, value: object, text: string): void => io.print(io.json ? JSON.stringify(value) : text);

function welcome(url: string, folder: string, claims: "open" | "granted"): string {
  const names = claims === "open" ? "free names are taken by whoever comes first" : `names are given with pincer registry grant ${folder}`;
  return [
    `${dot("good")} registry at ${url}`,
    `  serves   ${folder}`,
    `  trust    ${join(folder, "metadata", "1.root.json")}, which clients begin with`,
    `  names    ${names}`,
    `  publish  pincer registry publish <package> --registry ${url} --publisher <name> --key <file>`,
    "  stop     Ctrl-C",
  ].join("\n");
}

/** Whoever signs a request signs for whom it is: a registry that is not told what it is called takes none. */
const unnamed = (folder: string): string =>
  [
    "nobody can publish here with a key: this registry does not know what others call it, and takes tokens alone",
    `  say it in ${join(folder, "server.json")}:  {"address": "https://registry.example.org"}`,
    `  or for each publisher:  pincer registry token create ${folder} <publisher> --scope publish`,
  ].join("\n");

function ownNames(): readonly string[] {
  const own = createEmbedded(embedded);
  return [...own.ids(), ...own.skills().map(({ id }) => id)];
}

function portIn(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65_536) return port;
  throw clientErrors.REGISTRY_CLIENT_USAGE(`--port: expected a number from 0 to 65535, came ${JSON.stringify(text)}`);
}
