/** What was made lately, by a name: what nobody has asked for for longest goes, once all of it is more than that. */

export interface Kept<Value> {
  get(name: string): Value | undefined;
  set(name: string, value: Value): void;
}

export function createKept<Value>(most: number, sizeOf: (value: Value) => number): Kept<Value> {
  const known = new Map<string, Value>();
  let size = 0;
  const forget = (name: string) => {
    const value = known.get(name);
    if (value === undefined) return;
    known.delete(name);
    size -= sizeOf(value);
  };
  return {
    get(name) {
      const value = known.get(name);
      if (value === undefined) return undefined;
      // Behind all others.
      known.delete(name);
      known.set(name, value);
      return value;
    },
    set(name, value) {
      forget(name);
      known.set(name, value);
      size += sizeOf(value);
      for (const oldest of known.keys()) {
        if (size <= most || oldest === name) break;
        forget(oldest);
      }
    },
  };
}
