/** Why a file, or a part of one, is not read: thrown where it is found, said to the model and whoever sent the file. */
export class Unreadable extends Error {}

export const sizeText = (bytes: number): string =>
  bytes < 10_000 ? `${bytes} bytes` : bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

/** What is read of a document. */
export interface DocumentText {
  /** What it is, for the line above the text: `PDF, 3 pages`. */
  readonly what: string;
  readonly text: string;
  /** Sentences about what is not in the text. */
  readonly leftOut: readonly string[];
}
