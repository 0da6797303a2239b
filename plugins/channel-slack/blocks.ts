/** Choices as buttons under a message (docs.slack.dev/reference/block-kit). */
import type { Choice } from "@pincer/plugin-sdk/contracts/channel";

/** Slack's own bounds. */
const SECTION_LIMIT = 3000;
const LABEL_LIMIT = 75;
const ROW_BUTTONS = 25;
const MOST_BLOCKS = 50;

const PREFIX = "pincer-choice-";

export const isChoice = (action: string): boolean => action.startsWith(PREFIX);

interface Section {
  readonly type: "section";
  readonly text: { readonly type: "mrkdwn"; readonly text: string; readonly verbatim: true };
}

interface Button {
  readonly type: "button";
  readonly action_id: string;
  readonly text: { readonly type: "plain_text"; readonly text: string };
  readonly value: string;
}

interface Row {
  type: "actions";
  elements: Button[];
}

export type Block = Section | Row;

const cut = (text: string): string => (text.length <= LABEL_LIMIT ? text : `${text.slice(0, LABEL_LIMIT - 1).toWellFormed()}…`);

/** A text as what a section takes, cut between lines where there are some, else between words or characters. */
function* sections(text: string): Generator<string> {
  let rest = text;
  while (rest.length > SECTION_LIMIT) {
    const head = rest.slice(0, SECTION_LIMIT);
    const gap = Math.max(head.lastIndexOf("\n"), head.lastIndexOf(" ", head.includes("\n") ? 0 : SECTION_LIMIT));
    const isSplit = /[\ud800-\udbff]$/.test(head);
    const at = gap > 0 ? gap : SECTION_LIMIT - (isSplit ? 1 : 0);
    yield rest.slice(0, at);
    rest = rest.slice(gap > 0 ? at + 1 : at);
  }
  if (rest !== "") yield rest;
}

/** Empty without choices: the text alone is shown then. */
export function blocksOf(text: string, choices: readonly Choice[] | undefined): Block[] {
  if (!choices || choices.length === 0) return [];
  const said: Section[] = [...sections(text)].map((part) => ({ type: "section", text: { type: "mrkdwn", text: part, verbatim: true } }));
  const rows: Row[] = [];
  for (const [index, { label, text: value }] of choices.entries()) {
    if (index % ROW_BUTTONS === 0) rows.push({ type: "actions", elements: [] });
    rows.at(-1)?.elements.push({
      type: "button",
      action_id: `${PREFIX}${index}`,
      text: { type: "plain_text", text: cut(label) },
      value,
    });
  }
  return [...said, ...rows].slice(0, MOST_BLOCKS);
}
