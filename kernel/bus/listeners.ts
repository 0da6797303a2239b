/** Those who want to be told of something, until they dispose of what `add` gave them. */
export class Listeners<A extends readonly unknown[]> {
  readonly #all = new Set<(...told: A) => void>();

  readonly add = (listener: (...told: A) => void): Disposable => {
    this.#all.add(listener);
    return { [Symbol.dispose]: () => void this.#all.delete(listener) };
  };

  tell(...told: A): void {
    for (const listener of this.#all) listener(...told);
  }
}
