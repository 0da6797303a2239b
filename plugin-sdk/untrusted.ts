/** Text that the owner did not write: where it came from, and how a model is shown it. */
import { type Static, Type } from "@sinclair/typebox";
import { visibleText } from "./inbound/invisible.ts";

export const UntrustedSource = Type.Object({
  /** `sender`: somebody else wrote the message; `tool`: a tool with access `network` brought it. */
  kind: Type.Union([
    Type.Literal("sender"),
    Type.Literal("forwarded"),
    Type.Literal("quoted"),
    Type.Literal("attachment"),
    Type.Literal("tool"),
  ]),
  /** Whose or which, in one line of at most 80 characters. */
  label: Type.String(),
});
export type UntrustedSource = Static<typeof UntrustedSource>;

/** On a message that holds such text. */
export const Untrusted = Type.Object({
  /** Stands in the marks around the text; made at random for each turn, so that no text can know it. */
  boundary: Type.String(),
  sources: Type.Array(UntrustedSource),
});
export type Untrusted = Static<typeof Untrusted>;

const longestLabel = 80;
export const newBoundary = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, 16);

export const untrustedSource = (kind: UntrustedSource["kind"], label: string): UntrustedSource => ({
  kind,
  label: [
    ...visibleText(label)
      .replace(/[\p{Cc}\s<>"'`[\]{}]+/gu, " ")
      .trim(),
  ]
    .slice(0, longestLabel)
    .join(""),
});

/** Each once, the first first. */
export const distinctSources = (sources: readonly UntrustedSource[]): UntrustedSource[] => [
  ...new Map(sources.map((source) => [`${source.kind} ${source.label}`, source])).values(),
];

const names: Readonly<Record<UntrustedSource["kind"], string>> = {
  sender: "a message of",
  forwarded: "a message forwarded from",
  quoted: "a quotation from",
  attachment: "the attachment",
  tool: "the result of",
};
/** As people read it: `the attachment letter.pdf`. */
export const sourceText = ({ kind, label }: UntrustedSource): string => `${names[kind]} ${label}`;

/** Letters of other scripts that look like these. */
const lookalikes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: "аαɑ",
    b: "вβЬ",
    c: "сϲ",
    d: "ԁɗ",
    e: "еεҽ",
    g: "ɡց",
    h: "һн",
    i: "іιı",
    j: "јϳ",
    k: "кκ",
    m: "мʍ",
    n: "ոηп",
    o: "оοօ",
    p: "рρ",
    r: "гᴦ",
    s: "ѕꜱ",
    t: "тτ",
    u: "υսц",
    v: "νѵ",
    x: "хχ",
    y: "уγ",
  }).flatMap(([latin, others]) => [...others].map((other) => [other, latin] as const)),
);
const skeleton = (text: string): string =>
  [...text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "")].map((letter) => lookalikes.get(letter) ?? letter).join("");

/** Names of marks that a text could put on to look like ours, or like those of a model's own template. */
const marks =
  /^[</\s|]*(untrusted|message|system|assistant|user|human|developer|tool|function|instruction|im_?start|im_?end|antml|invoke|endoftext|end_of)/;
const opening = /[<＜﹤〈‹]/gu;
const template = /\[(\/?)(INST|SYS)\]/gi;

/** Blank letters, and what joins others where there is nothing to join: both can carry text that only a model reads. */
const hidden = /[\u115f\u1160\u2800\u3164\uffa0]|(?:\u200c|\u200d|[\ufe00-\ufe0f]){3,}/gu;

/** The text as a reader sees it, in which no mark stands that a model could take for one of the gateway's or of its own template. */
export const neutralText = (text: string): string => {
  const visible = visibleText(text).replace(hidden, "").replace(template, "($1$2)");
  return visible.replace(opening, (mark: string, at: number) =>
    marks.test(skeleton(visible.slice(at, at + 40)).replace(/^\S/, "<")) ? "‹" : mark,
  );
};

/** The text between two marks that no text inside can forge. */
export const fencedText = (text: string, boundary: string, sources: readonly UntrustedSource[]): string =>
  `<untrusted-${boundary} from="${sources.map(sourceText).join(", ")}">\n${neutralText(text)}\n</untrusted-${boundary}>`;
