/** What a publisher says of a release beside its bytes, so that it can be shown before they are fetched. The archive itself has the last word. */
import { type Static, Type } from "@sinclair/typebox";
import { RegistryError } from "./error.ts";
import { requireForm } from "./json.ts";
import { closed, hex, time } from "./schema.ts";

const releaseNotes = Type.Object(
  {
    summary: Type.String({ minLength: 1, maxLength: 200 }),
    /** When its publisher signed it. */
    publishedAt: time,
    /** SHA-256 of the manifest (`plugin.json`, `SKILL.md`) in the archive, in hex. */
    manifest: hex(64),
    /** Versions of the plugin SDK that it works with. */
    sdk: Type.Optional(Type.String({ maxLength: 100 })),
    /** Names that point at this release and at no other of the package, until its publisher moves them: `latest`, `beta`. */
    tags: Type.Optional(
      Type.Array(Type.String({ pattern: "^[a-z]+(-[a-z0-9]+)*$", maxLength: 32 }), { minItems: 1, maxItems: 8, uniqueItems: true }),
    ),
    /** Its publisher takes it back: who asks for this very version still gets it. */
    yanked: Type.Optional(Type.Object({ at: time, reason: Type.String({ minLength: 1, maxLength: 500 }) }, closed)),
  },
  closed,
);
export type ReleaseNotes = Static<typeof releaseNotes>;

/** Throws `REGISTRY_METADATA_INVALID`. */
export function readNotes(custom: unknown, path: string): ReleaseNotes {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `what the publisher says of ${path}: ${why}`);
  const notes = requireForm(releaseNotes, custom, refuse);
  const times = [notes.publishedAt, ...(notes.yanked ? [notes.yanked.at] : [])];
  if (times.some((text) => Number.isNaN(Date.parse(text)))) throw refuse("a time in it is none");
  return notes;
}
