/** What becomes of a secret, by its name: some are found by a plugin whose manifest has that very name. */
import type { Permissions } from "@pincer/plugin-sdk/manifest";
import { mayRead } from "@pincer/plugin-sdk/permissions";
import { suggestion } from "@pincer/plugin-sdk/suggestion";

export function describeSecret(name: string, plugins: readonly { readonly permissions: Permissions }[]): string {
  const reference = `write { secret: "${name}" }`;
  if (plugins.some(({ permissions }) => mayRead(permissions, name, undefined))) return `Its plugin finds it; elsewhere ${reference}.`;
  const asked = plugins.flatMap(({ permissions: { secrets = [] } }) => secrets.filter((entry) => /^\w+$/.test(entry)));
  return `No plugin asks for that name: ${reference} where it belongs${suggestion(name, asked)}`;
}
