/** What this package refuses. Messages say what was expected and what came; `code` is for programs. */

const meanings = {
  REGISTRY_ARCHIVE_INVALID: "the archive is not one that a registry takes",
  REGISTRY_ARCHIVE_TOO_LARGE: "the archive is larger than allowed",
  REGISTRY_FILE_WRONG: "the file is not the one that was published",
  REGISTRY_METADATA_INVALID: "what the registry says of its packages does not have the form that it must have",
  REGISTRY_METADATA_UNSIGNED: "what the registry says of its packages is not signed by whom it must be",
  REGISTRY_METADATA_OLDER: "what the registry says of its packages is older than what was seen before",
  REGISTRY_METADATA_EXPIRED: "what the registry says of its packages has expired",
  REGISTRY_METADATA_MIXED: "parts of what the registry says do not belong together",
  REGISTRY_KEY_INVALID: "that is no key that signs here",
  REGISTRY_TOO_LARGE: "the registry sends more than it may",
  REGISTRY_UNREACHABLE: "the registry does not answer",
  REGISTRY_NOT_FOUND: "the registry does not have that",
  REGISTRY_REVOKED: "nobody should run that any more",
  REGISTRY_NAME_INVALID: "that is no name of a package",
  REGISTRY_NAME_TAKEN: "another publisher has this name",
  REGISTRY_VERSION_TAKEN: "that version is published already, and versions do not change",
  REGISTRY_LIST_CHANGED: "somebody has published under this name meanwhile: the next list builds on that one",
  REGISTRY_NAME_HELD: "the name waits for the word of whoever runs the registry",
  REGISTRY_UNAUTHENTICATED: "the registry does not know who asks",
  REGISTRY_MISDIRECTED: "the request is for another registry",
  REGISTRY_FORBIDDEN: "who asks may not do that here",
  REGISTRY_REQUEST_INVALID: "the registry does not understand that request",
  REGISTRY_RATE_LIMITED: "too many requests: come back later",
  REGISTRY_TOO_SLOW: "the request did not come to its end in time",
  REGISTRY_BUSY: "the registry takes no more at once",
  REGISTRY_QUOTA_EXCEEDED: "there is no room for that many bytes",
  REGISTRY_IN_USE: "another process has the registry's folder",
  REGISTRY_FULL: "the registry's disk is full",
  REGISTRY_SETTINGS_INVALID: "the settings of the registry do not have the form that they must have",
} as const;

export type RegistryErrorCode = keyof typeof meanings;

export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  /** How long a server wants to be left alone, in milliseconds, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: RegistryErrorCode,
    message: string = meanings[code],
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
