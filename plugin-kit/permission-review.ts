/** What a plugin may do, in sentences for whoever decides whether to install it. */
import type { Manifest, Permissions } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";

/** `high`: it could do harm that cannot be taken back. */
type Risk = "low" | "medium" | "high";

export interface Finding {
  readonly risk: Risk;
  /** As the manifest has it. */
  readonly permission: string;
  /** What it means. */
  readonly text: string;
}

const scopes: Readonly<Record<WireScope, readonly [Risk, string]>> = {
  "operator.read": ["medium", "read your conversations, your settings and what the gateway does"],
  "operator.sessions.read": ["medium", "read your conversations"],
  "operator.sessions.write": ["high", "write into your conversations, and change or delete them"],
  "operator.write": ["high", "talk to your agents and send messages in your name"],
  "operator.questions": ["medium", "answer questions that an agent asks you"],
  "operator.approvals": ["high", "decide in your place what agents are allowed to do"],
  "operator.pairing": ["high", "let devices and people in, and shut them out"],
  "operator.talk": ["medium", "listen and speak in voice conversations"],
  "operator.talk.secrets": ["high", "read the keys of the speech services"],
  "operator.admin": ["high", "change everything in the gateway: settings, plugins, devices, secrets"],
};

const hostsOf = (entry: string): readonly [Risk, string] => {
  if (entry === "public") return ["high", "It can reach any public address on the internet, and send there whatever it knows."];
  if (entry.startsWith("config:")) return ["low", `It can reach the address that you set for it at ${entry.slice("config:".length)}.`];
  if (entry.startsWith("secret:")) return ["low", `It can reach the address that you keep in the secret ${entry.slice("secret:".length)}.`];
  const [, host = entry, port = ""] = /^(.*):(\d+)$/.exec(entry) ?? [];
  if (host.startsWith("*.")) return ["medium", `It can reach every host whose name ends in ${host.slice(1)} (port ${port}).`];
  if (host.includes("*")) return ["medium", `It can reach every host named ${host} (port ${port}), whatever stands for the *.`];
  const isOwn = /^(localhost|127\.|\[)/.test(host);
  return isOwn ? ["medium", `It can reach the service on port ${port} of this machine.`] : ["low", `It can reach ${host} (port ${port}).`];
};

const pathOf = (entry: string) => (entry.startsWith("config:") ? `the folder that you set at ${entry.slice("config:".length)}` : entry);
const isEverything = (path: string) => /^(\/|~\/?|\/home|\/Users|\/etc|\/root)$/.test(path);

/** From the least dangerous to the most. */
export function reviewPermissions(permissions: Permissions = {}): readonly Finding[] {
  const { net = [], files = {}, exec = [], sockets = [], secrets = [], scopes: granted = [], limits = {} } = permissions;
  const asked = [
    limits.memoryMb === undefined ? [] : [`${limits.memoryMb} MB of memory`],
    limits.openFiles === undefined ? [] : [`${limits.openFiles} open files`],
    limits.processes === undefined ? [] : [`${limits.processes} processes`],
  ].flat();
  const finding = (permission: string, [risk, text]: readonly [Risk, string]): Finding => ({ risk, permission, text });
  const found: readonly Finding[] = [
    ...(asked.length === 0 ? [] : [finding("limits", ["low", `It asks for up to ${asked.join(", ")}.`])]),
    ...net.map((entry) => finding(`net ${entry}`, hostsOf(entry))),
    ...secrets.map((name) => {
      const which = name.startsWith("config:") ? `that you name at ${name.slice("config:".length)}` : name;
      const what = name.endsWith("*") ? `every secret whose name begins with ${name.slice(0, -1)}` : `the secret ${which}`;
      return finding(`secrets ${name}`, ["medium", `It can read ${what}.`]);
    }),
    ...(files.read ?? []).map((path) =>
      finding(`files.read ${path}`, [isEverything(path) ? "high" : "medium", `It can read every file in ${pathOf(path)}.`]),
    ),
    ...granted.map((scope) => finding(`scopes ${scope}`, [scopes[scope][0], `It can ${scopes[scope][1]}.`])),
    ...(files.write ?? []).map((path) =>
      finding(`files.write ${path}`, ["high", `It can change and delete every file in ${pathOf(path)}.`]),
    ),
    ...sockets.map((path) =>
      finding(`sockets ${path}`, [
        "high",
        /docker|podman|containerd/.test(path)
          ? `It can control the containers of this machine through ${path}, which is as much as being its administrator.`
          : `It can speak to the program that listens at ${path}.`,
      ]),
    ),
    ...exec.map((program) => finding(`exec ${program}`, ["high", `It can run the program ${program}, which may do whatever you may do.`])),
  ];
  const order: readonly Risk[] = ["low", "medium", "high"];
  return found.toSorted((a, b) => order.indexOf(a.risk) - order.indexOf(b.risk));
}

export interface Offer {
  readonly what: string;
  readonly names: readonly string[];
}

/** What it takes part in, from its manifest. */
export function reviewOffers({ generated = {}, ...manifest }: Manifest): readonly Offer[] {
  const {
    uses = {},
    provides = {},
    methods = {},
    emits = {},
    listens = [],
    routes = {},
    jobs = {},
    hooks = {},
    commands = {},
    facets = {},
  } = generated;
  const access = (record: unknown): string => {
    const { access: kind } = (record ?? {}) as { readonly access?: string };
    return kind === undefined ? "" : ` (${kind})`;
  };
  const offers: readonly Offer[] = [
    { what: "uses", names: Object.entries(uses).map(([id, { optional }]) => (optional ? `${id}, when it is there` : id)) },
    {
      what: "provides",
      names: Object.entries(provides).flatMap(([contract, names]) =>
        Object.entries(names).map(([name, { record }]) => `${contract} ${name}${access(record)}`),
      ),
    },
    {
      what: "methods",
      names: Object.entries(methods).map(([name, { scope, dynamic }]) => `${name} (${dynamic ? `${scope} or more` : scope})`),
    },
    { what: "emits", names: Object.entries(emits).map(([name, { scope }]) => `${name} (${scope})`) },
    { what: "listens to", names: listens },
    { what: "has a say in", names: Object.keys(hooks) },
    {
      what: "serves",
      names: Object.entries(routes).map(
        ([prefix, route]) => `${prefix} (${route.access === "open" ? "anyone who reaches the port" : "with the token"})`,
      ),
    },
    { what: "runs jobs", names: Object.keys(jobs) },
    { what: "adds commands", names: Object.keys(commands) },
    { what: "adds columns", names: Object.keys(facets) },
    { what: "starts", names: manifest.activate === "start" ? ["with the gateway"] : [] },
  ];
  return offers.filter(({ names }) => names.length > 0);
}
