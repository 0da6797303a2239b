/** What a call would do to the world, as clients may say of it (`scope`), and as the owner reads it. */
import { type Static, Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const text = (most: number) => Type.String({ minLength: 1, maxLength: most });
const literal = <const W extends string>(...words: W[]) => Type.Union(words.map((word) => Type.Literal(word)));

export const AskedScope = Type.Union([
  Type.Object(
    {
      kind: Type.Literal("message-send"),
      target: text(128),
      recipientCount: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
      recipients: Type.Optional(Type.Array(text(128), { maxItems: 5 })),
      audience: Type.Optional(literal("internal", "external")),
    },
    closed,
  ),
  Type.Object({ kind: Type.Literal("payment"), amount: text(40), currency: text(12), target: text(128) }, closed),
  Type.Object({ kind: Type.Literal("external-post"), target: text(128), visibility: literal("public", "restricted") }, closed),
  Type.Object(
    {
      kind: Type.Literal("standing-grant"),
      automation: text(128),
      command: text(256),
      expiresInDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
    },
    closed,
  ),
]);
type AskedScope = Static<typeof AskedScope>;

export function scopeText(scope: AskedScope): string {
  switch (scope.kind) {
    case "message-send": {
      const { target, recipientCount: count, recipients = [], audience } = scope;
      const named = recipients.length === 0 ? "" : `: ${recipients.join(", ")}${recipients.length < count ? ", …" : ""}`;
      return `send a message to ${target}, ${count} ${audience ?? ""} ${count === 1 ? "recipient" : "recipients"}${named}`.replace(
        "  ",
        " ",
      );
    }
    case "payment":
      return `pay ${scope.amount} ${scope.currency} to ${scope.target}`;
    case "external-post":
      return `post to ${scope.target}, ${scope.visibility === "public" ? "for everybody to read" : "for some to read"}`;
    case "standing-grant":
      return `let ${scope.automation} run ${scope.command} ${scope.expiresInDays === undefined ? "from now on" : `for ${scope.expiresInDays} days`}`;
  }
}
