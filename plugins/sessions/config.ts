import { type Static, Type } from "@sinclair/typebox";

const rows = (fallback: number, description: string) => Type.Integer({ default: fallback, minimum: 1, description });

export const SessionsConfig = Type.Object({
  listLimit: rows(100, "Sessions on a page when the client does not say."),
  listLimitMax: rows(1_000, "Sessions on a page at most."),
});
export type SessionsConfig = Static<typeof SessionsConfig>;
