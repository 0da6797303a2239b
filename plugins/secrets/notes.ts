/** What somebody who grants a secret should know beside: what is not there yet, and where a grant changes nothing. */
import type { Permissions } from "@pincer/plugin-sdk/manifest";
import { mayRead } from "@pincer/plugin-sdk/permissions";
import { suggestion } from "@pincer/plugin-sdk/suggestion";

export interface KnownPlugin {
  readonly id: string;
  readonly origin: string;
  readonly permissions: Permissions;
}

export interface Grant {
  readonly name: string;
  readonly plugin: string;
  readonly granted: boolean;
}

/** `plugins` is undefined where nobody says which there are. */
export function notesOn(
  { name, plugin, granted }: Grant,
  secrets: readonly string[],
  plugins: readonly KnownPlugin[] | undefined,
): string[] {
  const known = plugins?.find(({ id }) => id === plugin);
  if (known?.origin === "embedded") {
    const reads = known.permissions.secrets?.length ? "reads the secrets that its manifest names" : "asks for no secret";
    return [`${plugin} is part of Pincer: it ${reads}, and no grant changes that`];
  }
  if (!granted) return [];
  const notes: string[] = [];
  if (!secrets.includes(name))
    notes.push(
      `there is no secret ${name} yet (the grant holds as soon as there is: pincer secrets set ${name})${suggestion(name, secrets)}`,
    );
  if (plugins && !known) {
    const ids = plugins.map(({ id }) => id);
    notes.push(`there is no plugin "${plugin}" yet (the grant holds for whatever is installed under that name)${suggestion(plugin, ids)}`);
  }
  // What the operator's configuration names, only the gateway knows.
  const asked = known?.permissions.secrets ?? [];
  if (known && !asked.some((entry) => entry.startsWith("config:")) && !mayRead(known.permissions, name, undefined))
    notes.push(`${plugin} does not ask for it: its manifest names ${asked.join(", ") || "no secret"}`);
  return notes;
}
