/** What the flags are for that several commands of a registry take. */
import type { Command } from "@pincer/plugin-sdk";
import { flagsIn } from "@pincer/plugin-sdk/command/usage";

const sentences: Readonly<Record<string, string>> = {
  registry: "The registry: its folder, or its address",
  publisher: "In whose name",
  key: "A file with a key that signs; all of them where several must",
  "passphrase-file": "A file with the passphrase of the keys that are encrypted",
  "token-file": "A file with the token that lets this machine send",
  "key-folder": "The folder with the keys of the registry (default <folder>-keys)",
  root: "Its root.json, got from whom you trust; without it the one that it shows itself",
  write: "Write it into that file, to be signed on other machines",
  undo: "Take that back",
};

/** Those in the usage, each with its sentence. */
export const withFlags = (command: Omit<Command, "flags">, own: Readonly<Record<string, string>> = {}): Command => ({
  ...command,
  flags: Object.fromEntries(flagsIn(command.usage).map(({ name }) => [name, own[name] ?? sentences[name] ?? ""])),
});
