/** What a provider says of itself and its vendor, so that its suite knows what to hold it to. */
import type { FailureClass } from "../contracts/provider.ts";
import type { ProviderStart } from "./provider-fixture.ts";
import type { SentShape, VendorAnswer, VendorCall } from "./vendor-script.ts";

export interface ProviderSuite extends ProviderStart {
  readonly name: string;
  /** `endpoint/model`, of a model that thinks and sees. */
  readonly model: string;
  /** HTTP errors of this vendor, and the class that each means. */
  readonly failures: readonly {
    readonly title: string;
    readonly error: NonNullable<VendorAnswer["error"]>;
    readonly class: FailureClass;
    readonly retryAfterMs?: number;
    /** The error names a time of day, counted from the midnight that begins 2026-11-20 (UTC): a process has another. */
    readonly dated?: boolean;
  }[];
  /** Finds what a request carries, in the vendor's own shape. */
  readonly sent: {
    /** Base64 of every image, in order. */
    images(call: VendorCall): readonly string[];
    /** Base64 of every document. Absent: its models read none. */
    documents?(call: VendorCall): readonly string[];
    /** The text of the result under that call's id. */
    toolResult(call: VendorCall, id: string): string | undefined;
    /** Every signature or encrypted thinking that is given back, in order. */
    signatures(call: VendorCall): readonly string[];
    /** What was asked of the answer's form. Absent: that is tried in tests of the provider's own. */
    shape?(call: VendorCall): SentShape;
  };
  /** Absent: the vendor's thinking carries no proof. */
  readonly signs?: boolean;
  /** The vendor has no word for texts that end an answer: they are left out. */
  readonly knowsNoStops?: boolean;
  /** The arguments of a call come as values, so that a call which the model wrote wrongly never comes. */
  readonly argumentsAreValues?: boolean;
  /** The vendor does not tell of its cache: all that it read counts as fresh. */
  readonly countsNoCache?: boolean;
  /** The vendor tells what it read from its cache, and not what it put there. */
  readonly countsNoCacheWrites?: boolean;
  /** What the vendor says that it took for every answer, in US dollars; absent: it does not say. */
  readonly charges?: number;
  /** The stream is made of bytes in a form of the vendor's own, and not of lines. */
  readonly speaksBytes?: boolean;
  /** The vendor has no word for an answer that was refused. */
  readonly knowsNoRefusal?: boolean;
}
