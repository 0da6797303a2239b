/** `pincer service`: a user unit for systemd, or an agent for launchd, so that the gateway starts with the machine. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { dim, dot } from "@pincer/plugin-sdk/command/colour";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { type Run, usageError } from "./command.ts";
import { CliError } from "./failure.ts";
import { type Home, makeHome, repository } from "./home.ts";
import plist from "./templates/launchd.txt";
import unit from "./templates/systemd.txt";

interface Service {
  readonly file: string;
  readonly text: string;
  /** Commands that put it in force, and those that end it. */
  readonly on: readonly (readonly string[])[];
  readonly off: readonly (readonly string[])[];
  readonly note: string;
}

const label = "pincer";
const launcher = process.env["PINCER_LAUNCHER"] ?? join(repository, "pincer");
/** As systemd reads it: % is its own, and a quoted word may hold blanks. */
const word = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
const xml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const filled = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(/@(\w+)@/g, (_, name: string) => values[name]!);

const systemd = (home: Home): Service => ({
  file: join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "systemd", "user", `${label}.service`),
  text: filled(unit, {
    launcher: word(launcher),
    home: word(`PINCER_HOME=${home.path}`),
    environment: `${home.path.replaceAll("%", "%%")}/environment`,
  }),
  on: ["daemon-reload", `enable --now ${label}`].map((verb) => ["systemctl", "--user", ...verb.split(" ")]),
  off: [["systemctl", "--user", "disable", "--now", label]],
  note: "It starts when you log in. To start with the machine: loginctl enable-linger",
});

const launchd = (home: Home): Service => {
  const file = join(homedir(), "Library", "LaunchAgents", `${label}.plist`);
  const domain = `gui/${process.getuid?.() ?? 0}`;
  const values = { launcher, home: home.path, path: process.env["PATH"] ?? "/usr/bin:/bin", output: home.outputFile };
  return {
    file,
    text: filled(plist, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, xml(value)]))),
    on: [["launchctl", "bootstrap", domain, file]],
    off: [["launchctl", "bootout", `${domain}/${label}`]],
    note: "It starts when you log in.",
  };
};

const run = (command: readonly string[]): boolean => {
  if (!Bun.which(command[0]!)) return false;
  return Bun.spawnSync([...command], { stdio: ["ignore", "ignore", "inherit"] }).exitCode === 0;
};

export const service: Run = async ({ args: [verb = ""], home, terminal }) => {
  if (process.platform !== "linux" && process.platform !== "darwin")
    throw new CliError(`there are no services for ${process.platform} here`);
  const { file, text, on, off, note } = process.platform === "darwin" ? launchd(home) : systemd(home);
  if (verb === "print") {
    terminal.result({ file, text }, text.trimEnd());
    return EXIT.done;
  }
  if (verb === "uninstall") {
    off.forEach(run);
    rmSync(file, { force: true });
    terminal.result({ ok: true, file }, `${dot("good")} ${file} is removed`);
    return EXIT.done;
  }
  if (verb !== "install") throw usageError(`"${verb}" is not install, uninstall or print`);
  makeHome(home);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
  const isStarted = on.every(run);
  const next = isStarted ? "" : `\n  ${dim("next")} ${on.map((command) => command.join(" ")).join(" && ")}`;
  const said = `${dot("good")} ${file} is written${isStarted ? " and started" : next}\n  ${dim(note)}`;
  terminal.result({ ok: true, file, started: isStarted }, said);
  return EXIT.done;
};
