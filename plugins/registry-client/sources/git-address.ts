/** Which repositories are fetched from, and what of them: everything that git, or what git starts, would read as an option or a command is refused here. */
import { checkedPath } from "@pincer/registry/archive/path";
import { clientErrors } from "../errors.ts";
import { isThisMachine, shownAddress } from "./web-address.ts";

interface GitAddress {
  readonly url: string;
  readonly ref?: string;
  readonly inside?: string;
}

/** The same, with the address in the form that git takes. Throws `REGISTRY_CLIENT_WANTED_INVALID`, `REGISTRY_ARCHIVE_INVALID`. */
export function gitAddress({ url, ref, inside }: GitAddress): GitAddress {
  if (ref !== undefined && !isRef(ref))
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${JSON.stringify(ref.slice(0, 100))}: expected a branch, a tag or a commit`);
  if (inside !== undefined) checkedPath(inside);
  return { url: repository(url), ...(ref !== undefined && { ref }), ...(inside !== undefined && { inside }) };
}

/** As `git check-ref-format` has it, with fewer signs. */
const isRef = (text: string): boolean =>
  text.length <= 200 && /^[\w][\w./@+-]*$/.test(text) && !/\.\.|\/\/|@\{|\/\.|\.lock(\/|$)|[./]$/.test(text);

const host = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/i;
/** Nothing that is another sign once it is decoded. */
const sshUser = /^(\w[\w.-]*)?$/;
/** The short form of ssh: `git@host:path`. */
const short = /^([\w][\w.-]*)@([^:/]+):([^:].*)$/;

function repository(text: string): string {
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${JSON.stringify(shownAddress(text))}: expected ${why}`);
  const form = "the address of a repository, such as https://host/x.git, ssh://git@host/x.git or git@host:x.git";
  if (text.length > 1000 || /[^!-~]/.test(text)) throw refuse(form);
  const [, user, at, path] = short.exec(text) ?? [];
  if (path !== undefined) {
    if (!host.test(at!) || path.startsWith("-")) throw refuse(form);
    return `ssh://${user}@${at}/${path.replace(/^\//, "")}`;
  }
  const url = URL.parse(text);
  if (!url) throw refuse(form);
  if (url.protocol === "file:") {
    if (url.host !== "") throw refuse("a path of this machine, such as file:///path/x.git");
    return url.href;
  }
  if (url.password || (url.username && url.protocol !== "ssh:"))
    throw refuse("an address without a password: it is written down in the lock, and ssh needs none");
  if (!/^(https?|ssh):$/.test(url.protocol)) throw refuse("https, ssh or file");
  if (!host.test(url.hostname) || !sshUser.test(url.username) || url.pathname.startsWith("/-")) throw refuse(form);
  if (url.protocol === "http:" && !isThisMachine(url)) throw refuse("https or ssh: what comes without encryption may be anybody's");
  if (url.search || url.hash) throw refuse("an address without a question mark");
  return url.href;
}
