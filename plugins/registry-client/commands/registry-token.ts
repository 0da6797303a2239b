/** `pincer registry token`: with which a publisher's machine may send what the publisher has signed. */

import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { openOperator } from "@pincer/registry/server/operator";
import { type Token, type TokenScope, tokenScopes } from "@pincer/registry/server/tokens";
import { clientErrors } from "../errors.ts";
import { readOptions } from "./options.ts";

const dayMs = 24 * 60 * 60 * 1000;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const now = () => systemClock.now();

export const token: CommandDefinition = {
  command: {
    name: "registry token",
    summary: "Let a machine send what a publisher has signed: create, list, revoke",
    usage: "<create|list|revoke> <registry> [publisher-or-id] [--scope <publish|yank>...] [--days <number>]",
    flags: { scope: "What may be done with it (default publish)", days: "How long it counts (default 90)" },
  },
  async run(args, io) {
    const options = readOptions(args, ["--scope", "--days"]);
    const [action = "", folder = "", subject] = options.words;
    using operator = openOperator(resolve(folder), now);
    const needed = (what: string): string => {
      if (subject !== undefined) return subject;
      throw clientErrors.REGISTRY_CLIENT_USAGE(`expected ${what} behind ${folder}`);
    };
    if (action === "create") {
      const publisher = needed("the name of a publisher");
      const scopes = scopesIn(options.values("--scope"));
      const made = operator.tokens.create({ publisher, scopes, lifeMs: daysIn(options.value("--days") ?? "90") * dayMs });
      io.result(
        { ok: true, ...made, publisher, scopes },
        [
          made.token,
          "",
          `  token    ${made.id}, until ${day(made.expiresAt)}`,
          `  for      ${publisher}: ${scopes.join(", ")}`,
          "  keep     it is shown this once, and only its hash is kept here",
        ].join("\n"),
      );
    } else if (action === "list") {
      const all = operator.tokens.list();
      const none = "no tokens: pincer registry token create";
      const shown = table(["token", "publisher", "may", "counts", "used"], all.map(row));
      io.result({ ok: true, tokens: all }, all.length === 0 ? none : shown);
    } else if (action === "revoke") {
      const id = needed("the id of a token, as pincer registry token list shows it");
      operator.tokens.revoke(id);
      io.result({ ok: true, id }, `${id} counts no more`);
    } else throw clientErrors.REGISTRY_CLIENT_USAGE(`expected create, list or revoke, came ${JSON.stringify(action)}`);
    return 0;
  },
};

function row({ id, publisher, scopes, expiresAt, revokedAt, usedAt }: Token): readonly string[] {
  const state =
    revokedAt !== null ? `revoked ${day(revokedAt)}` : expiresAt <= now() ? `expired ${day(expiresAt)}` : `until ${day(expiresAt)}`;
  return [id, plainly(publisher), scopes.join(", "), state, usedAt === null ? "never" : day(usedAt)];
}

function scopesIn(given: readonly string[]): readonly TokenScope[] {
  if (given.length === 0) return ["publish"];
  return given.map((text) => {
    const scope = tokenScopes.find((one) => one === text);
    if (scope) return scope;
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--scope: expected ${tokenScopes.join(" or ")}, came ${JSON.stringify(text)}`);
  });
}

function daysIn(text: string): number {
  const days = Number(text);
  if (/^\d{1,4}$/.test(text) && days >= 1) return days;
  throw clientErrors.REGISTRY_CLIENT_USAGE(`--days: expected a number of days from 1 to 9999, came ${JSON.stringify(text)}`);
}
