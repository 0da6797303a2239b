/** A reaction as Discord writes it in a path: a character, or name and number of one of a server's own. */

/** Discord has these with the sign that asks for colour, and refuses them without. */
const COLOURED: ReadonlySet<string> = new Set(["❤", "✔", "✖", "☑", "⚠", "⚙", "🛠", "✍", "☀", "☁", "✈", "✉", "☎", "☕︎"]);

export function emojiOf(emoji: string): string {
  const own = /^<?a?:?(\w{2,32}:\d{15,20})>?$/.exec(emoji)?.[1];
  if (own !== undefined) return own;
  return COLOURED.has(emoji) ? `${emoji}\uFE0F` : emoji;
}
