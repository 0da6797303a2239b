/**
 * Who the receiving server says has really written (RFC 8601, Authentication-Results). Only the field of that one server counts; it takes away those
 * that come in under its name.
 */
import { domainOf } from "./address.ts";

/** Far above what servers write; what is beyond is not read. */
const LONGEST_FIELD = 8_000;
const MOST_FIELDS = 20;

interface Result {
  readonly method: string;
  readonly result: string;
  /** By type and name, such as `header.from`, in small letters. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface Authentication {
  readonly passed: boolean;
  /** What the server says, in a few words: `dmarc=pass dkim=pass`. */
  readonly said: string;
}

/** The text in pieces: without comments, parted at semicolons and blanks outside of quotes. */
function piecesOf(field: string): string[][] {
  const parts: string[][] = [[]];
  let word = "";
  let depth = 0;
  let isQuoted = false;
  const end = () => {
    if (word !== "") parts.at(-1)!.push(word);
    word = "";
  };
  for (let at = 0; at < field.length; at++) {
    const sign = field[at]!;
    if (sign === "\\") {
      at++;
      if (depth === 0) word += field[at] ?? "";
    } else if (isQuoted) {
      if (sign === '"') isQuoted = false;
      else word += sign;
    } else if (sign === "(") depth++;
    else if (sign === ")") depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (sign === '"') isQuoted = true;
    else if (sign === ";") {
      end();
      parts.push([]);
    } else if (/\s/.test(sign)) end();
    else word += sign;
  }
  end();
  return parts;
}

function resultOf([first = "", ...rest]: readonly string[]): Result[] {
  const [method = "", result] = first.toLowerCase().split("=");
  if (result === undefined) return [];
  const properties = Object.fromEntries(
    rest.flatMap((word) => {
      const equals = word.indexOf("=");
      return equals < 0 ? [] : [[word.slice(0, equals).toLowerCase(), word.slice(equals + 1).toLowerCase()]];
    }),
  );
  return [{ method: method.split("/", 1)[0]!, result, properties }];
}

/**
 * The name of the server that wrote the field, as it stands there, or undefined. A server takes away what it finds under its own name: quoted, with a
 * comment or a backslash in it or a letter beyond ASCII it may not find it, and whoever sent the mail has written it.
 */
export function authservIdOf(field: string): string | undefined {
  const [head = []] = piecesOf(field.slice(0, LONGEST_FIELD));
  const [, name] = /^([!#-'*-:<-[\]-~]+)(?=[ \t;]|$)/.exec(field) ?? [];
  return name === head[0] && head.slice(1).every((version) => /^\d+$/.test(version)) ? name?.toLowerCase() : undefined;
}

/** Who signs for a domain vouches for what lies below it, and not the other way round; a domain of one word is nobody's. */
const covers = (signer: string, domain: string): boolean => signer === domain || (signer.includes(".") && domain.endsWith(`.${signer}`));

const domainIn = (property: string | undefined): string => (property === undefined ? "" : domainOf(property));

/** `fields`: every Authentication-Results of the mail, from the top. `writer`: the one address that the mail is from. */
export function authenticate(fields: readonly string[], authservId: string | undefined, writer: string): Authentication {
  const results = fields
    .slice(0, MOST_FIELDS)
    .filter((field) => authservId !== undefined && authservIdOf(field) === authservId.toLowerCase())
    .map((field) => piecesOf(field.slice(0, LONGEST_FIELD)))
    .flatMap(([, ...parts]) => parts.flatMap(resultOf));
  const of = (name: string) => results.filter(({ method }) => method === name);
  const domain = domainOf(writer);
  const said = ["dmarc", "dkim", "spf"].flatMap((name) => of(name).map(({ result }) => `${name}=${result.slice(0, 20)}`));
  const dmarc = of("dmarc").filter(({ result }) => result !== "none");
  const passed =
    dmarc.length > 0
      ? dmarc.every(({ result, properties }) => result === "pass" && properties["header.from"] === domain)
      : of("dkim").some(
          ({ result, properties }) => result === "pass" && covers(properties["header.d"] ?? domainIn(properties["header.i"]), domain),
        ) || of("spf").some(({ result, properties }) => result === "pass" && domainIn(properties["smtp.mailfrom"]) === domain);
  return { passed, said: [...new Set(said)].slice(0, 6).join(" ") };
}
