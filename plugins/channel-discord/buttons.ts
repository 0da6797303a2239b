/** Choices as buttons under a message. */
import type { Choice } from "@pincer/plugin-sdk/contracts/channel";
import { type APIActionRowComponent, type APIButtonComponent, ButtonStyle, ComponentType } from "discord-api-types/v10";

/** Discord's own bounds. */
const ROW_BUTTONS = 5;
const ROWS = 5;
const LABEL_LIMIT = 80;

/** Two buttons of a message may not carry the same, so that each has its number before it. */
const carried = (text: string, index: number): string => `${index}:${text}`;
export const textOf = (carried: string): string => carried.replace(/^\d+:/, "");

const cut = (label: string): string => (label.length <= LABEL_LIMIT ? label : `${label.slice(0, LABEL_LIMIT - 1)}…`);

export function rowsOf(choices: readonly Choice[] = []): APIActionRowComponent<APIButtonComponent & { readonly custom_id: string }>[] {
  const buttons = choices.slice(0, ROW_BUTTONS * ROWS).map(({ label, text }, index) => ({
    type: ComponentType.Button as const,
    style: ButtonStyle.Secondary as const,
    label: cut(label),
    custom_id: carried(text, index),
  }));
  return Array.from({ length: Math.ceil(buttons.length / ROW_BUTTONS) }, (_, row) => ({
    type: ComponentType.ActionRow as const,
    components: buttons.slice(row * ROW_BUTTONS, (row + 1) * ROW_BUTTONS),
  }));
}
