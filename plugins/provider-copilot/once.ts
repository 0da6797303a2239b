/** Work that is done once for all who ask for it meanwhile, and that whoever goes away leaves to the others. */

/** What runs under a name is what everybody gets who asks under it until it has settled. */
export function createOnce<T>(): (name: string, make: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (name, make) => {
    const known = running.get(name);
    if (known) return known;
    const begun = make().finally(() => running.delete(name));
    running.set(name, begun);
    return begun;
  };
}

/** Rejects with the signal's reason as soon as it aborts; what was begun goes on. */
export async function waitFor<T>(begin: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const gone = Promise.withResolvers<never>();
  const leave = () => gone.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([begin(), gone.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
