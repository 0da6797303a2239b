/** A map of its `limit` most recently used entries. What falls out is handed to `dropped`. */
export class Recent<V> {
  readonly #entries = new Map<string, V>();

  constructor(
    readonly limit: number,
    readonly dropped: (value: V) => void,
  ) {}

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): V {
    this.#entries.set(key, value);
    if (this.#entries.size > this.limit) {
      const [oldest, dropped] = this.#entries.entries().next().value as [string, V];
      this.#entries.delete(oldest);
      this.dropped(dropped);
    }
    return value;
  }

  clear(): void {
    for (const value of this.#entries.values()) this.dropped(value);
    this.#entries.clear();
  }
}
