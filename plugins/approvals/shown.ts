/** A call as a person is shown it: secrets left out, what cannot be seen made visible, and no mark in it that could pass for one of ours. */

import { isObject, type Json } from "@pincer/plugin-sdk/json5";
import { redact } from "@pincer/plugin-sdk/redact";
import { isSensitive, REDACTED } from "@pincer/plugin-sdk/sensitive";

const hidden = "[hidden]";
const longestShown = 1_200;
const longestWhole = 16_000;

/**
 * What a secret is made of that is left out: nothing that a path, an address or the name of a program has, so that the part of a call that does something
 * is always shown. A token of three parts is the only one with dots. What is longer is none, or a text of many
 * names would be looked through once for each.
 */
const value = String.raw`(?:eyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]{1,1000}|[\w+=-]{6,256})(?![\w./~@:\\-])`;
const name = "(?:token|secret|passw(?:or)?d|passphrase|api[-_]?key)";
const named = [
  new RegExp(String.raw`((?:${name}|authorization)["']?\s*[=:]\s*["']?(?:(?:bearer|basic)\s+)?)${value}`, "gi"),
  new RegExp(String.raw`(\s--?[\w-]*${name}\s+["']?)${value}`, "gi"),
  new RegExp(String.raw`(\bbearer\s+)${value}`, "gi"),
];
const known =
  /\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abeprs]|AKIA|AIza|hf|npm)[-_]?(?=[A-Za-z_-]{0,256}\d)[A-Za-z0-9_-]{12,256}(?![\w./~-])/g;
const inAddress = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^/?#\s:@]{0,256}:)([\w.~+=%-]{1,256})(?=@)/gi;
const whole = new RegExp(`^${value}$`);
/** Where a shell puts in what stands elsewhere, that may be the value of any name. */
const expands = /\$[\w{@*]/;

function withoutSecrets(text: string): string {
  const plain = expands.test(text) ? text : named.reduce((left, pattern) => left.replace(pattern, `$1${hidden}`), text);
  return plain.replace(inAddress, `$1${hidden}`).replace(known, hidden);
}

/** Controls, and what is seen by nobody or turns the order of reading, by their numbers. */
export const visible = (text: string): string =>
  text
    .toWellFormed()
    .replace(
      /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f|[\ufe00-\ufe0f]|(?! )\p{Zs}/gu,
      (letter) => `⟨U+${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`,
    );

const plain = (given: unknown): string => {
  if (isObject(given)) {
    const entries = Object.entries(given);
    const [only] = entries;
    if (entries.length === 1 && only !== undefined && typeof only[1] === "string") return only[1];
  }
  return typeof given === "string" ? given : (JSON.stringify(given, null, 2) ?? "");
};

const cut = (text: string, most: number): string => {
  const letters = [...text];
  if (letters.length <= most) return text;
  const end = Math.floor(most / 3);
  return `${letters.slice(0, most - end).join("")}\n[… ${letters.length - most} characters are not shown here …]\n${letters.slice(-end).join("")}`;
};

export interface Shown {
  /** As much as a chat message takes. */
  readonly short: string;
  readonly whole: string;
}

export function shownArguments(given: unknown): Shown {
  const sensitive = (path: readonly string[], value: Json) =>
    isSensitive(path, undefined) && typeof value === "string" && whole.test(value);
  const json = JSON.parse(JSON.stringify(given ?? null)) as Json;
  if (expands.test(JSON.stringify(json))) return bounded(plain(json));
  const kept = JSON.parse(JSON.stringify(redact(json, sensitive)).replaceAll(REDACTED, hidden)) as unknown;
  return bounded(plain(kept));
}

function bounded(given: string): Shown {
  const text = visible(withoutSecrets(given));
  return { short: cut(text, longestShown), whole: cut(text, longestWhole) };
}

/** A block of code that nothing in it can end. */
export const fenced = (text: string): string => {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
};
