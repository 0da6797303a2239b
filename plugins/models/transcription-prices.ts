/** What it costs to have a recording heard: unknown when what the vendor counted has no price. */
import type { Transcription } from "@pincer/plugin-sdk/contracts/transcriber";
import { Type } from "@sinclair/typebox";
import { TranscriptionPrice } from "./config.ts";
import file from "./transcription-prices.json" with { type: "json" };

export const TranscriptionPrices = Type.Object({
  note: Type.String(),
  models: Type.Array(
    Type.Object(
      {
        ref: Type.String({ pattern: "^[a-z0-9_-]+/.+$" }),
        price: TranscriptionPrice,
        source: Type.String({ pattern: "^https://" }),
        date: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
      },
      { additionalProperties: false },
    ),
  ),
});

const known = new Map((file as (typeof TranscriptionPrices)["static"]).models.map(({ ref, price }) => [ref, price]));

/** Also of a dated version of a model that is listed without its date. */
export const transcriptionPrice = (ref: string, said: Readonly<Record<string, TranscriptionPrice>>): TranscriptionPrice | undefined =>
  said[ref] ?? known.get(ref) ?? known.get(ref.replace(/-\d{4}-?\d{2}-?\d{2}$/, ""));

type Counted = NonNullable<Transcription["usage"]>;

/** US dollars; undefined: nobody knows. */
export function transcriptionCost(counted: Counted, price: TranscriptionPrice | undefined): number | undefined {
  if (price === undefined) return undefined;
  const { minute, input, output } = price;
  if ("seconds" in counted) return minute === undefined ? undefined : (counted.seconds / 60) * minute;
  if (input !== undefined && output !== undefined) return (counted.input * input + counted.output * output) / 1e6;
  // What costs nothing costs nothing however it is counted.
  return minute === 0 ? 0 : undefined;
}
