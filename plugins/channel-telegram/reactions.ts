/** Reactions that Telegram has, for those that it does not have. */
import type { ReactionTypeEmoji } from "grammy/types";

const NEAREST: Readonly<Record<string, string>> = {
  "✅": "👍",
  "✔": "👍",
  "☑": "👍",
  "❌": "👎",
  "✖": "👎",
  "⚠": "😨",
  "❗": "😨",
  "⏳": "✍",
  "⌛": "✍",
  "🔄": "✍",
  "⚙": "👨‍💻",
  "🛠": "👨‍💻",
  "🧠": "🤔",
  "💭": "🤔",
  "👋": "🤗",
  "🚀": "🔥",
};

/** Telegram writes its own without the sign that asks for colour, and refuses others itself. */
export function reactionOf(emoji: string): ReactionTypeEmoji[] {
  const plain = emoji.replaceAll("\uFE0F", "");
  return plain === "" ? [] : [{ type: "emoji", emoji: (NEAREST[plain] ?? plain) as ReactionTypeEmoji["emoji"] }];
}
