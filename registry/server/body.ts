/** What comes with a request: so much, and so long, and no more. */
import { RegistryError } from "../error.ts";
import type { SourceClock } from "../http-source.ts";

export interface BodyLimits {
  readonly bytes: number;
  /** For the whole of it, however it drips. */
  readonly ms: number;
  /** Aborted with the error that is thrown when the rest is not waited for. */
  readonly signal: AbortSignal;
}

/** Throws `REGISTRY_TOO_LARGE`, `REGISTRY_TOO_SLOW`, `REGISTRY_REQUEST_INVALID` when it breaks off. */
export async function readBody(request: Request, { bytes, ms, signal }: BodyLimits, clock: SourceClock): Promise<Uint8Array<ArrayBuffer>> {
  const said = Number(request.headers.get("content-length") ?? 0);
  const tooLarge = () => new RegistryError("REGISTRY_TOO_LARGE", `expected at most ${bytes} bytes of body`);
  if (said > bytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  const over = new AbortController();
  const late = clock.sleep(ms, AbortSignal.any([over.signal, signal])).then(
    () => "late" as const,
    () => "late" as const,
  );
  const reader = request.body?.getReader();
  try {
    while (reader) {
      const next = await Promise.race([reader.read(), late]);
      if (next === "late") signal.throwIfAborted();
      if (next === "late") throw new RegistryError("REGISTRY_TOO_SLOW", `expected the whole body within ${ms / 1000} s`);
      if (next.done) break;
      size += next.value.length;
      if (size > bytes) throw tooLarge();
      parts.push(next.value);
    }
  } catch (error) {
    reader?.cancel().catch(() => undefined); // silent-ok: it is given up already
    if (error instanceof RegistryError) throw error;
    throw new RegistryError("REGISTRY_REQUEST_INVALID", "the body broke off", { cause: error });
  } finally {
    over.abort();
  }
  return Buffer.concat(parts, size);
}
