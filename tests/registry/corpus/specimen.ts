/** A package that the scan is tried on. */
import type { Kind } from "../../../registry/name.ts";

export interface Specimen {
  readonly kind: Kind;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** What must be found, each in its file; nothing above `low` in a good one. */
  readonly rules: readonly string[];
}

type Files = Specimen["files"];

export function plugin(
  code: string,
  { rules = [], permissions = {}, files = {}, summary = "Tells the weather" }: Partial<Parts> = {},
): Specimen {
  const manifest = { id: "weather", version: "1.0.0", sdk: "^0.1.0", summary, entry: "plugin.ts", permissions };
  return { kind: "plugins", files: { "plugin.json": JSON.stringify(manifest, null, 2), "plugin.ts": code, ...files }, rules };
}

interface Parts {
  readonly rules: readonly string[];
  readonly permissions: object;
  readonly files: Files;
  readonly summary: string;
}

export const skill = (body: string, { rules = [], files = {} }: Partial<Parts> = {}): Specimen => ({
  kind: "skills",
  files: {
    "SKILL.md": `---\nname: weather\ndescription: Tells the weather of a place. Use it when somebody asks for the weather.\n---\n\n${body}\n`,
    ...files,
  },
  rules,
});

/** Code that hides as base64. */
export const base64 = (text: string): string => Buffer.from(text).toString("base64");
export const hex = (text: string): string => Buffer.from(text).toString("hex");
/** What is put into a template, in code that stands in a string here. */
export const put = (code: string): string => ["$", "{", code, "}"].join("");
/** So that no file of this repository holds what looks like a key. */
export const keyed = (...parts: readonly string[]): string => parts.join("");
