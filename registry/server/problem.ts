/** What is refused over HTTP, as problem details (RFC 9457): our code beside the status, and the sentence that says what was expected and what came. */
import { RegistryError, type RegistryErrorCode } from "../error.ts";

const statuses: Readonly<Partial<Record<RegistryErrorCode, number>>> = {
  REGISTRY_ARCHIVE_INVALID: 422,
  REGISTRY_ARCHIVE_TOO_LARGE: 413,
  REGISTRY_FILE_WRONG: 422,
  REGISTRY_METADATA_INVALID: 422,
  REGISTRY_METADATA_UNSIGNED: 403,
  REGISTRY_KEY_INVALID: 422,
  REGISTRY_TOO_LARGE: 413,
  REGISTRY_NOT_FOUND: 404,
  REGISTRY_NAME_INVALID: 422,
  REGISTRY_NAME_TAKEN: 403,
  REGISTRY_NAME_HELD: 403,
  REGISTRY_VERSION_TAKEN: 409,
  REGISTRY_LIST_CHANGED: 409,
  REGISTRY_UNAUTHENTICATED: 401,
  REGISTRY_MISDIRECTED: 421,
  REGISTRY_FORBIDDEN: 403,
  REGISTRY_REQUEST_INVALID: 400,
  REGISTRY_RATE_LIMITED: 429,
  REGISTRY_TOO_SLOW: 408,
  REGISTRY_BUSY: 503,
  REGISTRY_QUOTA_EXCEEDED: 403,
  REGISTRY_FULL: 507,
};

/** With how many seconds to wait, where waiting helps. */
export class Later extends RegistryError {
  readonly seconds: number;
  constructor(code: "REGISTRY_RATE_LIMITED" | "REGISTRY_BUSY", message: string, seconds: number) {
    super(code, message);
    this.seconds = Math.max(1, Math.ceil(seconds));
  }
}

export function problem(error: RegistryError): Response {
  const status = statuses[error.code] ?? 500;
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (error instanceof Later) headers["retry-after"] = String(error.seconds);
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="registry"';
  return new Response(JSON.stringify({ status, code: error.code, detail: error.message }), { status, headers });
}

/** Of an answer that is a problem; undefined for any other. */
export async function problemIn(response: Response): Promise<{ readonly code: string; readonly detail: string } | undefined> {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  const { code, detail } = (await response.json()) as { readonly code?: unknown; readonly detail?: unknown };
  return typeof code === "string" && typeof detail === "string" ? { code, detail } : undefined;
}
