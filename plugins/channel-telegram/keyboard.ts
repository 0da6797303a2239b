/** Choices as buttons under a message. */
import type { Choice } from "@pincer/plugin-sdk/contracts/channel";
import type { InlineKeyboardMarkup } from "grammy/types";

/** What a telephone shows in one row. */
const ROW_CHARACTERS = 30;
const ROW_BUTTONS = 4;
/** Telegram takes no more. */
const MOST_BUTTONS = 100;

export function keyboardOf(choices: readonly Choice[] | undefined): { readonly reply_markup?: InlineKeyboardMarkup } {
  if (!choices || choices.length === 0) return {};
  const rows: { text: string; callback_data: string }[][] = [];
  let width = 0;
  for (const { label, text } of choices.slice(0, MOST_BUTTONS)) {
    const row = rows.at(-1);
    width += label.length;
    if (row && width <= ROW_CHARACTERS && row.length < ROW_BUTTONS) row.push({ text: label, callback_data: text });
    else {
      rows.push([{ text: label, callback_data: text }]);
      width = label.length;
    }
  }
  return { reply_markup: { inline_keyboard: rows } };
}
