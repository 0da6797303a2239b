/** What an error entry has to look like (`protocol` section 1.9). */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const codes = ["INVALID_REQUEST", "FORBIDDEN", "NOT_PAIRED", "UNAVAILABLE", "APPROVAL_NOT_FOUND"] as const;

const word = Type.String({ minLength: 1 });
/** The wire's own words, or one of ours: AREA_REASON. */
const code = Type.String({ pattern: "^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$" });
const MissingScope = Type.Object(
  { code: Type.Literal("MISSING_SCOPE"), missingScope: word, requiredScopes: Type.Array(word, { minItems: 1 }) },
  { additionalProperties: false },
);
const Entry = Type.Object(
  {
    code: Type.Union(codes.map((name) => Type.Literal(name))),
    message: word,
    details: Type.Union([Type.Object({ code }), Type.Object({ correlationId: word })]),
    retryable: Type.Optional(Type.Literal(true)),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);

/** What is wrong with an error entry; `undefined` when nothing is. */
export function errorProblem(error: unknown): string | undefined {
  const [wrong] = Value.Errors(Entry, error);
  if (wrong !== undefined) return `${wrong.path || "/"}: ${wrong.message}`;
  const { code: wire, message, details } = error as { code: string; message: string; details: { code?: string } };
  if (details.code === "MISSING_SCOPE") {
    if (wire !== "FORBIDDEN") return `a missing scope is FORBIDDEN, not ${wire}`;
    if (!Value.Check(MissingScope, details)) return "details of a missing scope are {code, missingScope, requiredScopes}";
  }
  if (/\bundefined\b|\[object /.test(message)) return "the message has a hole in it";
  return undefined;
}
