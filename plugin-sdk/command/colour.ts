/** Colour only where a person sees it, and not when NO_COLOR asks for none. */
import type { styleText } from "node:util";

// Loaded when something is painted: that takes milliseconds, which no start of a gateway has to spare.
const paint = (format: Parameters<typeof styleText>[0]) => (text: string) => process.getBuiltinModule("node:util").styleText(format, text);
export const bold = paint("bold");
export const dim = paint("dim");
export const red = paint("red");
export const green = paint("green");
export const yellow = paint("yellow");
export const cyan = paint("cyan");

/** Before a line that says how something is; its sign tells it without colour, too. */
export const dot = (state: "good" | "bad" | "off"): string =>
  ({ good: () => green("●"), bad: () => red("✗"), off: () => yellow("○") })[state]();
