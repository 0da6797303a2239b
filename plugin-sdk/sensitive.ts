/** Which values are secrets, and what stands where one is not shown. */
import { isFixed, isText, type Path, type Shape } from "./shape.ts";

/** The wire's own; clients look for it. */
export const REDACTED = "__OPENCLAW_REDACTED__";

const telling = /(token|secret|password|passphrase|credential|authorization|(api|access|private|signing|encryption)[-_]?key)s?$/i;

/** By the schema's word, or by the name of the key that holds the value or the list that it stands in. */
export const isSensitive = (path: Path, shape: Shape | undefined): boolean =>
  shape?.sensitive === true ||
  shape?.anyOf?.some(({ sensitive }) => sensitive === true) === true ||
  telling.test(path.findLast((step) => !/^\d+$/.test(step)) ?? "");

/**
 * Whether what was written at a place is not to be shown, by what is declared there: what nobody declares may be anything, such as the
 * section of a plugin that is gone.
 */
export function isSecret(path: Path, value: unknown, shapes: readonly Shape[]): boolean {
  // A number where a text belongs is a secret that was written without quotes.
  if (typeof value === "number" && !shapes.some(isText)) return false;
  // A word that everybody finds in the schema is nobody's secret, whatever its key is called.
  if (shapes.some((shape) => isFixed(shape, value))) return false;
  return shapes.length === 0 || shapes.some((shape) => isSensitive(path, shape));
}

/** Whether a text is a URL with a password in it, which is a secret wherever it stands. */
export const hasPassword = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*:[^/?#\s]+@/i.test(text);

/** A value that stands elsewhere, under a name, encrypted; whoever uses it resolves it. */
export const isSecretReference = (value: unknown): value is { readonly secret: string } =>
  typeof value === "object" && value !== null && "secret" in value && typeof value.secret === "string" && Object.keys(value).length === 1;
