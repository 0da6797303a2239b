/** Keys that no database holds: derived from the home's key file, for the plugin that asks, and for no other. */
import { Type } from "@sinclair/typebox";
import { Bytes, call, defineContract } from "../contract.ts";

export const keys = defineContract({
  id: "keys",
  version: 1,
  arity: "one",
  members: {
    /** 32 bytes, the same for the same purpose as long as the home keeps its key file. */
    derive: call(Type.Object({ purpose: Type.String({ minLength: 1, maxLength: 64 }) }), Type.Object({ key: Bytes() }), { safe: true }),
  },
});
