/** The words of a command: what is named, and what is switched. The CLI has refused every switch that the command's usage does not have. */
import { clientErrors } from "../errors.ts";

export interface Words {
  readonly names: readonly string[];
  has(flag: string): boolean;
  /** What stands behind each of these. */
  valuesOf(flag: string): readonly string[];
}

export function wordsOf(args: readonly string[], valued: readonly string[] = []): Words {
  const names: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]!;
    if (valued.includes(word)) {
      at += 1;
      const value = args[at];
      if (value === undefined) throw clientErrors.REGISTRY_CLIENT_USAGE(`${word} needs a value behind it`);
      values.set(word, [...(values.get(word) ?? []), value]);
    } else if (word.startsWith("--")) flags.add(word);
    else names.push(word);
  }
  return { names, has: (flag) => flags.has(flag), valuesOf: (flag) => values.get(flag) ?? [] };
}
