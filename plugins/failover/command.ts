/** `pincer models auth`: profiles added, listed, ordered and tested, over the caller's own connection. */
import type { CommandIo } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { duration } from "@pincer/plugin-sdk/command/duration";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { readHiddenLine } from "@pincer/plugin-sdk/command/hidden-line";
import { commandErrors } from "@pincer/plugin-sdk/command/usage";
import type { AuthProfile } from "@pincer/plugin-sdk/contracts/auth-profiles";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type * as methods from "./methods.ts";
import { setPlace } from "./sign-in-place.ts";

export const USAGE = "<add|login|list|order|test|logout> [what...]";

const HELP = `pincer models auth list [<provider>]
pincer models auth add <provider>:<name> [type=api-key|token|oauth|aws-sdk] [priority=<n>] [expires=<date>] [aws-profile=<name>]
    asks for the key, or reads it from a pipe; without a type it is the first of these that the provider takes; of oauth a line with the access token and one with the refresh token
pincer models auth login <provider>:<name> [priority=<n>]
    signs in with a code, where failover.oauth says where; says it there as the provider does, when nobody has
pincer models auth order <provider> [<provider>:<name> ...]
    tries these first, in this order; without any, the order of the configuration holds again
pincer models auth test [<provider>:<name> ...]
    asks the vendors whether they take them; costs nothing
pincer models auth logout <provider>[:<name>]
    forgets the profile, or all of the provider, and what they are made of`;

type Result<M extends keyof typeof methods> = ResultOf<(typeof methods)[M]>;

/** How it is comes last, in as many lines as there is to say of it and of its models. */
function row(profile: AuthProfile, now: number): readonly string[] {
  const { name, type, state, priority, cooldownUntil, reason, lastUsedAt, own } = profile;
  const until = cooldownUntil === undefined ? "" : ` for ${duration(cooldownUntil - now)}`;
  const used = lastUsedAt === undefined ? "never used" : `used ${duration(now - lastUsedAt)} ago`;
  const more = [
    ...(reason === undefined ? [] : [`${reason.class}: ${reason.message}`]),
    ...profile.models.map(({ model, successes, failures, latencyMs, cooldownUntil: rests }) => {
      const latency = latencyMs === null ? "" : `, first text after ${latencyMs} ms`;
      return `${model}: ${successes} answered, ${failures} failed${latency}${rests === undefined ? "" : `, rests for ${duration(rests - now)}`}`;
    }),
  ];
  return [name, own ? "its own" : type, String(priority), used, [`${state}${until}`, ...more].join("\n")];
}

/** The command is there wherever the plugin is; what it calls is there once that is on. */
const OFF = "auth profiles are kept by the plugin failover, which is not enabled: pincer plugins enable failover";
const isOff = (error: unknown): boolean => (error as { readonly code?: unknown } | null)?.code === "BUS_METHOD_UNKNOWN";

const OPTIONS = ["type", "priority", "expires", "aws-profile"];

/** `priority=5` sets an option; anything else is a name. */
function read(words: readonly string[]) {
  const isOption = (word: string) => word.includes("=");
  const options = new Map(words.filter(isOption).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
  return { names: words.filter((word) => !isOption(word)), options, unknown: [...options.keys()].find((name) => !OPTIONS.includes(name)) };
}

export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const wrong = (said: string) => commandErrors.COMMAND_USAGE(`${said}\n\n${HELP}\n`);
  const [verb, ...words] = args;
  if (verb === undefined) throw wrong("say what is to be done with the auth profiles:");
  const { names: rest, options, unknown } = read(words);
  if (unknown !== undefined) throw wrong(`"${unknown}" is no option; there are: ${OPTIONS.map((name) => `${name}=`).join(", ")}`);
  const show = (result: unknown, lines: readonly string[]): number => {
    io.result(result, lines.join("\n"));
    return EXIT.done;
  };
  const call = <R>(method: string, params: unknown) =>
    io
      .call(method, params)
      .catch((error: unknown) =>
        Promise.reject(isOff(error) ? Object.assign(new Error(OFF), { code: "FAILOVER_OFF" }) : error),
      ) as Promise<R>;
  const [name] = rest;
  const given = options.get("priority");
  const priority = given === undefined ? undefined : Number(given);
  if (priority !== undefined && !Number.isInteger(priority)) throw wrong(`priority is a whole number, came ${given}`);
  const ranked = priority === undefined ? {} : { priority };

  if (verb === "list") {
    const result = await call<Result<"profilesList">>("failover.profiles.list", name === undefined ? {} : { provider: name });
    const rows = result.profiles.map((profile) => row(profile, result.ts));
    const none = "none; pincer models auth add <provider>:<name> keeps one";
    return show(result, [rows.length === 0 ? none : table(["profile", "type", "priority", "used", "state"], rows, { figures: [2] })]);
  }
  if (verb === "test") {
    const result = await call<Result<"profilesTest">>("failover.profiles.test", rest.length === 0 ? {} : { profiles: rest });
    const words = { ok: "is taken", failed: "is not taken", unknown: "cannot be tested: its provider has no way that costs nothing" };
    const lines = result.results.map(
      ({ profile, outcome, failure, ms }) => `${profile} ${words[outcome]} (${ms} ms)${failure ? `: ${failure.message}` : ""}`,
    );
    show(result, lines.length === 0 ? ["there is no profile to test"] : lines);
    return result.results.some(({ outcome }) => outcome === "failed") ? EXIT.failed : EXIT.done;
  }
  if (name === undefined) throw wrong(`pincer models auth ${verb} needs a name:`);
  if (verb === "order") {
    const result = await call<Result<"orderSet">>("failover.order.set", { provider: name, profiles: rest.slice(1) });
    return show(result, [`${name} is tried in this order: ${result.order.join(", ") || "there is no profile"}`]);
  }
  if (verb === "logout") {
    const provider = name.split(":")[0];
    const params = name.includes(":") ? { provider, profileIds: [name] } : { provider };
    const result = await call<{ readonly removedProfiles: readonly string[] }>("models.authLogout", params);
    return show(result, [`forgotten: ${result.removedProfiles.join(", ") || "there was none"}`]);
  }
  if (verb === "login") {
    const set = await setPlace(name, call);
    if (set !== undefined && !io.json) io.print(`failover.oauth.${set} says now where to sign in, as its provider suggests.`);
    const started = await call<Result<"signInStart">>("failover.signIn.start", { name, ...ranked });
    const { verificationUri, verificationUriComplete, userCode, id } = started;
    if (!io.json) {
      io.print(`Open ${verificationUriComplete ?? verificationUri}`);
      io.print(`and enter the code ${userCode}. This waits until you have.`);
    }
    const result = await call<Result<"signInWait">>("failover.signIn.wait", { id });
    return show(result, [`${name} is signed in`]);
  }
  if (verb !== "add") throw wrong(`there is no "pincer models auth ${verb}":`);

  const [type, expires, awsProfile] = [options.get("type"), options.get("expires"), options.get("aws-profile")];
  const expiresAt = expires === undefined ? undefined : Date.parse(expires);
  if (Number.isNaN(expiresAt)) throw wrong(`expires is a date such as 2027-01-31, came ${expires}`);
  const what = type === "api-key" ? "Key" : type === undefined ? "Key or token" : "Token";
  const typed = (type !== "aws-sdk" && (await readHiddenLine(`${what} of ${name} (not shown): `))) || "";
  const [value = "", refreshToken = ""] = typed.split(/\r?\n/).map((one) => one.trim());
  if (type !== "aws-sdk" && value === "") throw wrong("nothing was given, and nothing kept:");
  const result = await call<Result<"profilesAdd">>("failover.profiles.add", {
    ...{ name, ...(type === undefined ? {} : { type }), ...ranked },
    ...(value === "" ? {} : { value }),
    ...(refreshToken === "" ? {} : { refreshToken }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(awsProfile === undefined ? {} : { awsProfile }),
  });
  const { type: taken } = result.profile;
  const kept = taken === "aws-sdk" ? "is kept; its credential is AWS's own" : `is kept as ${taken}, encrypted`;
  return show(result, [`${name} ${kept}; pincer models auth test ${name} asks the vendor`]);
}
