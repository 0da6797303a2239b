/** A signal of one's own behind others, for work that also ends by itself. */

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/**
 * Aborts with the first of the sources, or when it is told to; disposing it lets go of them. In place of `AbortSignal.any`, which in
 * Bun 1.4.5 keeps every signal that was ever listened to, and whatever its listeners hold.
 */
export function linkSignals(...sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const links = new Map<AbortSignal, () => void>();
  const unlink = () => {
    for (const [source, onAbort] of links) source.removeEventListener("abort", onAbort);
    links.clear();
  };
  const abort = (reason: unknown) => {
    unlink();
    controller.abort(reason);
  };
  for (const source of sources) {
    const onAbort = () => abort(source.reason);
    if (source.aborted) onAbort();
    else links.set(source, onAbort);
  }
  if (controller.signal.aborted) links.clear();
  for (const [source, onAbort] of links) source.addEventListener("abort", onAbort, { once: true });
  return { signal: controller.signal, abort, [Symbol.dispose]: unlink };
}
