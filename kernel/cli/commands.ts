/** Every command of the CLI; its code is loaded when it is called. */
import type { CliCommand, Families, Flag, Group, Run } from "./command.ts";

const flag = (name: string, summary: string, more: Partial<Flag> = {}): Flag => ({ name, summary, ...more });
const dev = flag("dev", "Run plugins from their source and reload one when its files change");
const force = flag("force", "End it at once when it does not stop by itself");
const all = flag("all", "All of it, every default included (so has --json)");
const number = (name: string, summary: string) => flag(name, summary, { short: "n", value: "number" });

type Module = Readonly<Record<string, unknown>>;
type More = Pick<CliCommand, "usage" | "flags" | "examples">;

const of =
  (group: Group) =>
  (name: string, summary: string, load: () => Promise<Module>, exported: string, more: More = {}): CliCommand => ({
    name,
    group,
    summary,
    ...more,
    load: async () => (await load())[exported] as Run,
  });
const run = of("Run");
const talk = of("Talk");
const setUp = of("Set up");
const develop = of("Develop");
const about = of("About");

const lifecycle = () => import("./lifecycle.ts");
const sessions = () => import("./sessions.ts");
const configure = () => import("./configure.ts");
const secrets = () => import("./secrets.ts");
const devices = () => import("./devices.ts");
const plugins = () => import("./plugins.ts");
const author = () => import("./author.ts");

export const families: Families = {
  sessions: "Conversations and their messages",
  config: "The configuration; a change is applied at once",
  secrets: "Keys and passwords, kept encrypted",
  devices: "Phones, browsers and apps that may connect",
  plugins: "What Pincer can do",
  plugin: "For authors of plugins",
  protocol: "For authors of clients",
};

export const commands: readonly CliCommand[] = [
  run("up", "Start the gateway in the background and show the address of its page", () => import("./up.ts"), "up", {
    flags: [dev, flag("foreground", "Stay in this terminal", { short: "f" })],
  }),
  run("stop", "Stop the gateway; what runs continues at the next start", lifecycle, "stop", { flags: [force] }),
  run("restart", "Stop the gateway and start it again", lifecycle, "restart", { flags: [dev, force] }),
  run("status", "What runs, since when, and what is wrong", lifecycle, "status"),
  run("doctor", "Look for everything that could be wrong, and say how to mend it", () => import("./doctor.ts"), "doctor"),
  run("logs", "Show the log, also of a gateway that does not run", () => import("./logs.ts"), "logs", {
    flags: [
      flag("follow", "Wait for more", { short: "f" }),
      number("lines", "How many (default 50)"),
      flag("level", "How grave at least: debug, info, warn or error", { value: "level" }),
    ],
  }),
  run("gateway", "Run the gateway in this process, for service managers", () => import("./gateway.ts"), "gateway", {
    flags: [dev, flag("managed", "Log to the file alone, as pincer up has it")],
  }),
  run("service", "Start the gateway with the machine: systemd or launchd, for this user", () => import("./service.ts"), "service", {
    usage: "<install|uninstall|print>",
  }),

  talk("chat", "Talk to the agent; with a message, or on a pipe, answer and end", () => import("./chat.ts"), "chat", {
    usage: "[message...]",
    flags: [flag("session", "Another session than main", { short: "s", value: "key" })],
    examples: ["pincer chat", 'pincer chat "what time is it?"', "git diff | pincer chat review this"],
  }),
  talk("call", "Call a method of the gateway and show its answer", () => import("./call.ts"), "call", {
    usage: "<method> [params]",
    flags: [
      flag("expect-final", "Of two answers wait for the second"),
      flag("timeout", "How long to wait (default 30; 0 for ever)", { value: "seconds" }),
    ],
    examples: ["pincer call health", `pincer call sessions.list '{"limit":3}'`],
  }),
  talk("sessions list", "The sessions, the latest first", sessions, "list", { flags: [number("limit", "How many (default 20)")] }),
  talk("sessions show", "The messages of a session", sessions, "show", {
    usage: "<key>",
    flags: [number("limit", "How many (default 50)")],
  }),
  talk("sessions delete", "Delete a session", sessions, "remove", { usage: "<key>" }),

  setUp("config get", "What is set; with a path or --all, what is in force there", configure, "get", { usage: "[path]", flags: [all] }),
  setUp("config set", "Set a value in pincer.json5, comments kept; applied at once", configure, "set", {
    usage: "<path> [value]",
    flags: [flag("unset", "Remove it instead")],
    examples: ["pincer config set gateway.port 18790", "pincer config set gateway.port --unset"],
  }),
  setUp("secrets list", "The names of the secrets that are kept", secrets, "list"),
  setUp("secrets set", "Keep a secret, encrypted; its value is asked for or read from a pipe", secrets, "set", { usage: "<NAME>" }),
  setUp("secrets delete", "Forget a secret", secrets, "remove", { usage: "<NAME>" }),
  setUp("devices list", "Devices that are paired, and those that ask", devices, "list"),
  setUp("devices approve", "Let a device in", devices, "approve", { usage: "<request>" }),
  setUp("devices reject", "Turn a device down", devices, "reject", { usage: "<request>" }),
  setUp("devices remove", "Forget a device and end its connections", devices, "remove", { usage: "<device>" }),
  setUp("plugins list", "The plugins and their state", plugins, "list"),
  setUp("plugins inspect", "What a plugin offers and may do", plugins, "inspect", { usage: "<id>" }),
  setUp("plugins enable", "Turn a plugin on", plugins, "enable", { usage: "<id>" }),
  setUp("plugins disable", "Turn a plugin off", plugins, "disable", { usage: "<id>" }),
  setUp("plugins reload", "Load a plugin anew; nothing that runs is cut off", plugins, "reload", { usage: "<id>" }),

  develop("plugin new", "Make a plugin that works", author, "create", { usage: "<channel|provider|tool|blank> <id> [folder]" }),
  develop("plugin check", "Whether a plugin is fit to be given away", author, "check", { usage: "[folder]" }),
  develop("plugin build", "Bring a plugin's manifest up to date with its code, bundle it, and pack it", author, "build", {
    usage: "[folder]",
    flags: [flag("check", "Write nothing; fail when it is not up to date")],
  }),
  develop("plugin link", "Use a plugin from the folder in which it is written", author, "link", { usage: "[folder]" }),
  develop("plugin unlink", "Use a linked plugin no longer; its folder stays as it is", author, "unlink", { usage: "[id|folder]" }),
  develop("protocol export", "The wire's methods and events as types for a client", () => import("./protocol.ts"), "exportProtocol", {
    flags: [
      flag("format", "What it is written in: json (default), typescript or swift", { value: "format" }),
      flag("output", "Write there instead of showing it", { short: "o", value: "file" }),
    ],
  }),
  develop("test", "Run the tests, the types and the style check of this repository", () => import("./test.ts"), "test", {
    usage: "[filter...]",
  }),

  about("completion", "A script that completes pincer's commands", () => import("./completion.ts"), "completion", {
    usage: "<bash|zsh|fish> [words...]",
    examples: ["source <(pincer completion bash)"],
  }),
  about("version", "The versions of Pincer and Bun", () => import("./version.ts"), "version"),
];
