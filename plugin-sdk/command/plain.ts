/** What others wrote, models, senders, devices and publishers, as a terminal may show it: it commands none, and does not turn the order of what is read. */

export const withoutControls = (text: string): string =>
  text.replaceAll("\r\n", "\n").replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, "\ufffd");

const longest = 1_000;

/** As a part of one line: it hides nothing either, and looks like no line of ours. */
export function plainly(text: string): string {
  const line = text
    .replace(/\s*[\n\r\u2028\u2029]\s*/g, " ")
    .replace(/\s{3,}/g, "  ")
    .replace(/[\p{Cc}\p{Bidi_Control}\u00ad\u200b\u2060-\u2064\ufeff\u{e0000}-\u{e007f}]/gu, "\ufffd");
  return line.length <= longest ? line : `${line.slice(0, longest)}… (${line.length - longest} more signs)`;
}
