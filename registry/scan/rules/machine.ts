/** What the code reads of the machine that it runs on. */
import { excerpt, found, type Permitted, type Rule } from "../subject.ts";

/** What only a thief looks for in another program's files. */
const privatePlaces =
  /(^|[/\\~])(\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.docker\/config\.json|\.netrc|\.npmrc|\.git-credentials|\.config\/gcloud|\.mozilla|Login Data|Cookies|wallet\.dat|id_(rsa|ed25519|ecdsa)|authorized_keys|shadow|sudoers|keychain-db)($|[/\\])|(^|[/\\~])\.(pincer|openclaw)[/\\]|^\/(etc\/(passwd|shadow|sudoers)|proc\/(self|\d+)\/(environ|mem|maps)|root\/|var\/run\/docker\.sock)/;
const files =
  /\b(readFile|readFileSync|writeFile|writeFileSync|appendFile|appendFileSync|createReadStream|createWriteStream|open|openSync|opendir|readdir|readdirSync|rm|rmSync|unlink|unlinkSync|cp|cpSync|copyFile|Bun\s*\.\s*file|Bun\s*\.\s*write|existsSync|stat|statSync|chmod|chmodSync)\s*\(\s*$/;

export const undeclaredFiles: Rule = function* ({ kind, scripts, permitted }) {
  if (kind === "skills") return;
  for (const script of scripts)
    for (const { value, at } of script.lexed.texts) {
      const isSecret = privatePlaces.test(value) && !isWithin(value, permitted) && !/\s(?!Data\b)/.test(value);
      const isOpened = /^(\/|~\/|[A-Z]:\\)/.test(value) && files.test(script.lexed.bare.slice(Math.max(0, at - 60), at));
      if (isSecret)
        // Where the operator says which files it reads, such a place may be the usual one.
        yield found(
          "private-file",
          isOperators(permitted) ? "medium" : "high",
          script,
          script.line(at),
          `it names ${excerpt(value)}, where keys and passwords of others lie`,
        );
      else if (isOpened && !isWithin(value, permitted))
        yield found("undeclared-file", "medium", script, script.line(at), `it opens ${excerpt(value)}, which its permissions do not name`);
    }
};

const isOperators = ({ read, write }: Permitted): boolean => [...read, ...write].some((entry) => entry.startsWith("config:"));
const isWithin = (path: string, { read, write, sockets }: Permitted): boolean =>
  [...read, ...write, ...sockets].some((folder) => path === folder || path.startsWith(`${folder.replace(/\/$/, "")}/`));

/** All of it at once: nothing that a plugin needs. */
const whole =
  /(JSON\s*\.\s*stringify|Object\s*\.\s*(entries|keys|values|assign|fromEntries)|structuredClone)\s*\(\s*(\{\s*\}\s*,\s*)?(process|Bun)\s*\.\s*env\b(?!\s*[.[])|\.\.\.\s*(process|Bun)\s*\.\s*env\b(?!\s*[.[])|\bof\s+Object\s*\.\s*\w+\s*\(\s*(process|Bun)\s*\.\s*env\b/g;
const one = /\b(process|Bun)\s*\.\s*env\b|\bimport\s*\.\s*meta\s*\.\s*env\b|\bprocess\s*\[\s*["']/g;

export const environment: Rule = function* ({ kind, scripts }) {
  if (kind === "skills") return;
  for (const script of scripts) {
    const { bare } = script.lexed;
    const all = [...bare.matchAll(whole)];
    for (const { index } of all)
      yield found(
        "whole-environment",
        "high",
        script,
        script.line(index),
        "it takes the whole environment, in which keys of other programs stand",
      );
    const [first] = all.length > 0 ? [] : [...bare.matchAll(one)];
    if (first)
      yield found(
        "environment",
        "low",
        script,
        script.line(first.index),
        "it reads the environment of the process; keys that it needs are asked for by ctx.secret",
      );
  }
};
