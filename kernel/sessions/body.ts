/** What of a message is kept in its row, and what beside it. */
import type { Message } from "@pincer/plugin-sdk/message";

type Path = readonly (string | number)[];
type Json = Record<string | number, unknown>;

export interface Split {
  /** The message with nothing in place of binary data that was taken out, and its beginning in place of text. */
  readonly stored: Message;
  readonly json: string;
  /** Where it belongs. Kept beside the message, never in it, so that no content can pass for a reference. */
  readonly paths: readonly Path[];
  readonly values: readonly string[];
}

const shownChars = 1_000;

/** Takes the long strings out of a message whose JSON has more than `inlineBytes` characters: an image, a huge tool result. */
export function splitLarge(message: Message, inlineBytes: number): Split {
  const paths: Path[] = [];
  const values: string[] = [];
  const json = JSON.stringify(message);
  if (json.length <= inlineBytes) return { stored: message, json, paths, values };
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === "string" && value.length > inlineBytes / 16) {
      paths.push(path);
      values.push(value);
      return path.at(-1) === "data" ? "" : `${value.slice(0, shownChars).toWellFormed()}…`;
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  const stored = walk(message, []) as Message;
  return { stored, json: JSON.stringify(stored), paths, values };
}

/** Puts back what `splitLarge` took out. */
export function withLarge(message: Message, paths: readonly Path[], blobs: readonly { readonly value: string }[]): Message {
  paths.forEach((path, slot) => {
    let holder = message as unknown as Json;
    for (const step of path.slice(0, -1)) holder = holder[step] as Json;
    holder[path.at(-1)!] = blobs[slot]?.value ?? "";
  });
  return message;
}
