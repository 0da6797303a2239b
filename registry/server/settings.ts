/** What whoever runs a registry may set, in `server.json` in its folder. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { RegistryError } from "../error.ts";

const closed = { additionalProperties: false } as const;

/** A token bucket: so many at once, and so many more in a minute. */
const rate = (burst: number, perMinute: number, description: string) =>
  Type.Object(
    { burst: Type.Integer({ minimum: 1, default: burst }), perMinute: Type.Number({ exclusiveMinimum: 0, default: perMinute }) },
    { ...closed, default: {}, description },
  );

const serverSettings = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        pattern: "^https?://[^\\s/?#@]+(/[^\\s?#]*)?$",
        description:
          "What everybody calls the registry, such as https://registry.example.org: a request must be signed for it. Without it only who asks on this machine may sign requests; tokens work in any case",
      }),
    ),
    claims: Type.Union([Type.Literal("open"), Type.Literal("granted")], {
      default: "open",
      description: "Who may take a free name: whoever comes first, or only whom `pincer registry grant` names",
    }),
    popularDownloads: Type.Integer({
      minimum: 0,
      default: 50,
      description: "From how many downloads on a name is known to so many that one like it waits for the operator",
    }),
    refuseFindings: Type.Union([Type.Literal("never"), Type.Literal("high")], {
      default: "never",
      description:
        "Whether a release in which the scan finds something grave is refused; else it is taken, and everybody is shown what was found",
    }),
    proxies: Type.Integer({
      minimum: 0,
      maximum: 8,
      default: 0,
      description: "How many proxies of yours stand before it, whose X-Forwarded-For is believed",
    }),
    publicationBytes: Type.Integer({ minimum: 1024, default: 64 * 2 ** 20, description: "Largest body of a publication" }),
    bodySeconds: Type.Number({ exclusiveMinimum: 0, default: 120, description: "How long a body may take to come" }),
    scanSeconds: Type.Number({
      exclusiveMinimum: 0,
      default: 30,
      description: "How long an archive is looked through; what takes longer is told as something grave",
    }),
    uploads: Type.Integer({ minimum: 1, default: 8, description: "Publications that are received at once" }),
    bytes: Type.Object(
      {
        perDay: Type.Integer({ minimum: 1, default: 256 * 2 ** 20, description: "Archives of one publisher in 24 hours" }),
        perPublisher: Type.Integer({ minimum: 1, default: 4 * 2 ** 30, description: "Archives of one publisher in all" }),
        inAll: Type.Integer({ minimum: 1, default: 64 * 2 ** 30, description: "Archives of everybody" }),
      },
      { ...closed, default: {}, description: "How much is kept" },
    ),
    rates: Type.Object(
      {
        files: rate(600, 1200, "Files, from one address"),
        reads: rate(60, 120, "Searches and other questions, from one address"),
        publications: rate(30, 30, "Publications, from one address and of one token"),
        bytes: rate(
          512 * 2 ** 20,
          384 * 1024,
          "Bytes of publications that are taken, from one address: what comes in a day comes again in one",
        ),
        claims: rate(20, 0.1, "New names, of one publisher and from one address"),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
);
export type ServerSettings = Static<typeof serverSettings>;

/** With what was left out filled in. Throws `REGISTRY_SETTINGS_INVALID`. */
export function checkedSettings(given: unknown, where: string): ServerSettings {
  const settings = Value.Default(serverSettings, structuredClone(given));
  if (Value.Check(serverSettings, settings)) {
    const { address } = settings;
    if (address === undefined || URL.canParse(address)) return settings;
    throw new RegistryError("REGISTRY_SETTINGS_INVALID", `${where}: expected an address, came ${JSON.stringify(address)}, at /address`);
  }
  const first = Value.Errors(serverSettings, settings).First();
  const came = first === undefined ? "" : `, came ${JSON.stringify(first.value)}, at ${first.path || "/"}`;
  throw new RegistryError("REGISTRY_SETTINGS_INVALID", `${where}: ${first?.message ?? "another form was expected"}${came}`);
}

export function readSettings(folder: string): ServerSettings {
  const file = join(folder, "server.json");
  if (!existsSync(file)) return checkedSettings({}, file);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new RegistryError("REGISTRY_SETTINGS_INVALID", `${file}: expected JSON`);
  }
  return checkedSettings(json, file);
}
