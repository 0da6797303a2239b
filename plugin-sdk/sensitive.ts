/** Which values are secrets, and what stands where one is not shown. */
import type { Path, Shape } from "./shape.ts";

/** The wire's own; clients look for it. */
export const REDACTED = "__OPENCLAW_REDACTED__";

const telling = /(token|secret|password|passphrase|credential|authorization|(api|access|private|signing|encryption)[-_]?key)s?$/i;

/** By the schema's word, or by the name of the key that holds the value or the list that it stands in. */
export const isSensitive = (path: Path, shape: Shape | undefined): boolean =>
  shape?.sensitive === true ||
  shape?.anyOf?.some(({ sensitive }) => sensitive === true) === true ||
  telling.test(path.findLast((step) => !/^\d+$/.test(step)) ?? "");

/** Whether a text is a URL with a password in it, which is a secret wherever it stands. */
export const hasPassword = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*:[^/?#\s]+@/i.test(text);

/** A value that stands elsewhere, under a name, encrypted; whoever uses it resolves it. */
export const isSecretReference = (value: unknown): value is { readonly secret: string } =>
  typeof value === "object" && value !== null && "secret" in value && typeof value.secret === "string" && Object.keys(value).length === 1;
