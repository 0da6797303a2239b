/** What people type, where it is the name of a package. */
import { isName } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import type { Wanted } from "../sources/source.ts";

/** `telegram`, `telegram@1.2.0`, `home/telegram@^1`, or a folder. */
export function wantedOf(typed: string): Wanted {
  if (/^[./~]/.test(typed)) return { from: "folder", path: typed };
  const [, registry, id = "", range] = /^(?:([^/@]+)\/)?([^/@]+)(?:@(.+))?$/.exec(typed) ?? [];
  if (!isName(id) || (registry !== undefined && !isName(registry)))
    throw clientErrors.REGISTRY_CLIENT_UNKNOWN(
      `expected the name of a package, such as telegram or weather@1.2.0, came ${JSON.stringify(typed)}`,
    );
  return { from: "registry", kind: "plugins", id, ...(range !== undefined && { range }), ...(registry !== undefined && { registry }) };
}
