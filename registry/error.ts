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
} as const;

export type RegistryErrorCode = keyof typeof meanings;

export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string = meanings[code], options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
