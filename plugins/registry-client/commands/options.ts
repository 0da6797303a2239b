/** The words of a command: those that stand alone, and those that a flag names. */
import { clientErrors } from "../errors.ts";

export interface Options {
  readonly words: readonly string[];
  /** The last value of a flag; undefined where it was not given. */
  value(flag: string): string | undefined;
  /** All values of a flag, in order. */
  values(flag: string): readonly string[];
  has(flag: string): boolean;
}

/** `taking`: flags that a value follows. Throws `REGISTRY_CLIENT_USAGE`. */
export function readOptions(args: readonly string[], taking: readonly string[]): Options {
  const words: string[] = [];
  const found: (readonly [flag: string, value: string])[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (!word.startsWith("--")) words.push(word);
    else if (!taking.includes(word)) found.push([word, ""]);
    else {
      const value = args[++at];
      if (value === undefined || value.startsWith("--")) throw clientErrors.REGISTRY_CLIENT_USAGE(`${word} needs a value behind it`);
      found.push([word, value]);
    }
  }
  const values = (flag: string) => found.flatMap(([name, value]) => (name === flag ? [value] : []));
  return { words, values, value: (flag) => values(flag).at(-1), has: (flag) => found.some(([name]) => name === flag) };
}
