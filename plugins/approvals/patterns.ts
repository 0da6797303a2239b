/** Names with `*` for any letters. */
export const fits = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.split("*").map(RegExp.escape).join("[\\s\\S]*")}$`).test(name);
