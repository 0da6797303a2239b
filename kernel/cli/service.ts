/** `pincer service`: a user unit for systemd, or an agent for launchd, so that the gateway starts with the machine. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { type Run, usageError } from "./command.ts";
import { CliError, EXIT } from "./failure.ts";
import { type Home, makeHome, repository } from "./home.ts";
import { dim, green } from "./terminal.ts";

interface Service {
  readonly file: string;
  readonly text: string;
  /** Commands that put it in force, and those that end it. */
  readonly on: readonly (readonly string[])[];
  readonly off: readonly (readonly string[])[];
  readonly note: string;
}

const label = "pincer";
const launcher = join(repository, "pincer");
/** As systemd reads it: % is its own, and a quoted word may hold blanks. */
const word = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
const xml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const systemd = (home: Home): Service => ({
  file: join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "systemd", "user", `${label}.service`),
  text: `[Unit]
Description=Pincer, a gateway for personal AI agents
After=network-online.target

[Service]
Type=notify
NotifyAccess=all
ExecStart=${word(launcher)} gateway
ExecReload=/bin/kill -HUP $MAINPID
Environment=${word(`PINCER_HOME=${home.path}`)}
# Keys of providers may stand here, one NAME=value in each line, 0600.
EnvironmentFile=-${home.path.replaceAll("%", "%%")}/environment
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
UMask=0077

[Install]
WantedBy=default.target
`,
  on: [
    ["systemctl", "--user", "daemon-reload"],
    ["systemctl", "--user", "enable", "--now", label],
  ],
  off: [["systemctl", "--user", "disable", "--now", label]],
  note: `It starts when you log in. To start with the machine: loginctl enable-linger ${userInfo().username}`,
});

const launchd = (home: Home): Service => {
  const file = join(homedir(), "Library", "LaunchAgents", `${label}.plist`);
  const domain = `gui/${process.getuid?.() ?? 0}`;
  return {
    file,
    text: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${label}</string>
  <key>ProgramArguments</key><array><string>${xml(launcher)}</string><string>gateway</string></array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PINCER_HOME</key><string>${xml(home.path)}</string>
    <key>PATH</key><string>${xml(process.env["PATH"] ?? "/usr/bin:/bin")}</string>
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>Umask</key><integer>63</integer>
  <key>StandardErrorPath</key><string>${xml(home.outputFile)}</string>
</dict>
</plist>
`,
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
    terminal.result({ ok: true, file }, `${green("●")} ${file} is removed`);
    return EXIT.done;
  }
  if (verb !== "install") throw usageError(`"${verb}" is not install, uninstall or print`);
  makeHome(home);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
  const failed = on.find((command) => !run(command));
  terminal.result(
    { ok: true, file, started: failed === undefined },
    failed
      ? `${green("●")} ${file} is written\n  ${dim("next")} ${failed.join(" ")}`
      : `${green("●")} ${file} is written and started\n  ${dim(note)}`,
  );
  return EXIT.done;
};
