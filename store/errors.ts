import { defineErrors, type GatewayError } from "@pincer/plugin-sdk/error";

export const storeErrors = defineErrors({
  STORE_FULL: { message: "the disk of the store is full", wire: "UNAVAILABLE", retryable: true },
  STORE_LOCKED: { message: "another process holds the store", wire: "UNAVAILABLE", retryable: true },
  STORE_CORRUPT: { message: "the store is damaged", wire: "UNAVAILABLE" },
  STORE_FAILED: { message: "the store could not do what was asked", wire: "UNAVAILABLE" },
  STORE_TOO_NEW: { message: "the store was written by a newer version", wire: "UNAVAILABLE" },
  HOME_IN_USE: { message: "another gateway uses this home", wire: "UNAVAILABLE" },
});

/** What SQLite said, as it travels from the writer thread. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export const failureOf = (error: unknown): Failure =>
  error instanceof Error
    ? { code: "code" in error ? String(error.code) : error.name, message: error.message }
    : { code: "", message: String(error) };

/** A full disk also shows when the shared memory beside the log cannot grow. */
const full = /^SQLITE_(FULL|IOERR_SHMSIZE)/;
const locked = /^SQLITE_(BUSY|LOCKED)/;
const corrupt = /^SQLITE_(CORRUPT|NOTADB)/;
const closed = /^SQLITE_(CANTOPEN|READONLY)/;
export const isLocked = (failure: Failure): boolean => locked.test(failure.code);

export function storeError({ code, message }: Failure, path: string): GatewayError {
  const said = `${message} (${code}, ${path})${closed.test(code) ? "; ls -ld shows whether this user may write there" : ""}`;
  const options = { data: { sqlite: code } };
  if (full.test(code)) return storeErrors.STORE_FULL(`no space left for ${path}: nothing of this was written; free some space`, options);
  if (locked.test(code)) return storeErrors.STORE_LOCKED(`another process holds ${path}: ${said}`, options);
  const damaged = `${path} is damaged: ${message}; restore a backup, or move the file away to start empty`;
  if (corrupt.test(code)) return storeErrors.STORE_CORRUPT(damaged, options);
  if (code === "STORE_TOO_NEW") return storeErrors.STORE_TOO_NEW(message);
  return storeErrors.STORE_FAILED(said, options);
}
