/** Who the owner is on channels: the identities that the owner linked. Their direct messages reach the owner's main session. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { defineErrors } from "../error.ts";

export const ownerErrors = defineErrors({
  OWNER_IDENTITY_INVALID: { message: "this identity cannot be linked", wire: "INVALID_REQUEST" },
});

/** A sender as one account of a channel sees them. Ids are compared as they are, character by character. */
export const SenderIdentity = Type.Object({ channel: Type.String(), account: Type.String(), sender: Type.String() });
export type SenderIdentity = Static<typeof SenderIdentity>;

export const owners = defineContract({
  id: "owners",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    is: call(SenderIdentity, Type.Object({ owner: Type.Boolean() }), { safe: true }),
    /** `account` is absent of an identity that holds for every account of its channel. */
    list: call(
      Type.Object({}),
      Type.Object({
        identities: Type.Array(Type.Object({ channel: Type.String(), account: Type.Optional(Type.String()), sender: Type.String() })),
      }),
      { safe: true },
    ),
    /** Links the identity, for this account alone. Throws `OWNER_IDENTITY_INVALID`. */
    link: call(SenderIdentity, Type.Object({}), { safe: true }),
    /** Takes away every link by which the identity is the owner's; `unlinked` is false when there was none. */
    unlink: call(SenderIdentity, Type.Object({ unlinked: Type.Boolean() }), { safe: true }),
  },
});
