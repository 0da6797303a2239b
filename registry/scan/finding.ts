/** What a scan has seen in a package: for whoever installs it to read, and to decide. */
import { type Static, Type } from "@sinclair/typebox";
import { severities } from "./severity.ts";

export const finding = Type.Object(
  {
    /** Of the rule, for good: `undeclared-host`. */
    rule: Type.String({ pattern: "^[a-z]+(-[a-z]+)*$", maxLength: 40 }),
    severity: Type.Union(severities.map((one) => Type.Literal(one))),
    file: Type.String({ maxLength: 255 }),
    /** From 1; 0 where it is about the whole file. */
    line: Type.Integer({ minimum: 0 }),
    /** For people: what is there, and why that matters. */
    sentence: Type.String({ minLength: 1, maxLength: 400 }),
  },
  { additionalProperties: false },
);
export type Finding = Static<typeof finding>;
