/** The `pairing` section of the configuration. */
import { type Static, Type } from "@sinclair/typebox";

const count = (value: number, description: string) => Type.Integer({ minimum: 1, default: value, description });

export const PairingConfig = Type.Object({
  codeTtlMs: count(3_600_000, "How long a stranger's code holds, in milliseconds"),
  openPerAccount: count(3, "Strangers of an account who may wait for an answer at once; more are not told anything"),
  codesPerHour: count(10, "Codes that an account gives out within an hour"),
  wrongCodes: count(10, "Wrong codes of one who decides, within ten minutes, after which none is looked at"),
});
export type PairingConfig = Static<typeof PairingConfig>;
