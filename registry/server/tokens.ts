/** Bearer tokens with which a publisher's machine (a build, say) may send what the publisher has signed. Only their hashes are kept. */
import type { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { RegistryError } from "../error.ts";
import { checkedName } from "../name.ts";
import { sha256Of } from "../sha256.ts";

export const tokenScopes = ["publish", "yank"] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** So that scanners of secrets recognise one. */
const prefix = "pincer_reg_";
const hashOf = (token: string): string => sha256Of(token);

export interface Token {
  readonly id: string;
  readonly publisher: string;
  readonly scopes: readonly TokenScope[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly usedAt: number | null;
}

export interface Tokens {
  /** The token itself is shown this once. */
  create(wanted: { readonly publisher: string; readonly scopes: readonly TokenScope[]; readonly lifeMs: number }): {
    readonly token: string;
    readonly id: string;
    readonly expiresAt: number;
  };
  list(): readonly Token[];
  /** Throws `REGISTRY_NOT_FOUND`. */
  revoke(id: string): void;
  /** Throws `REGISTRY_UNAUTHENTICATED`. */
  check(token: string): Token;
}

interface Row extends Omit<Token, "scopes"> {
  readonly scopes: string;
}

const columns = "id, publisher, scopes, created_at AS createdAt, expires_at AS expiresAt, revoked_at AS revokedAt, used_at AS usedAt";
const tokenOf = ({ scopes, ...row }: Row): Token => ({ ...row, scopes: scopes.split(" ") as TokenScope[] });

export function createTokens(database: Database, now: () => number): Tokens {
  return {
    create({ publisher, scopes, lifeMs }) {
      checkedName(publisher);
      const [id, token] = [randomBytes(6).toString("hex"), `${prefix}${randomBytes(32).toString("base64url")}`];
      const expiresAt = now() + lifeMs;
      database
        .query("INSERT INTO tokens (id, hash, publisher, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
        .run(id, hashOf(token), publisher, scopes.join(" "), now(), expiresAt);
      return { token, id, expiresAt };
    },

    list: () => database.query<Row, []>(`SELECT ${columns} FROM tokens ORDER BY created_at`).all().map(tokenOf),

    revoke(id) {
      const { changes } = database.query("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL").run(now(), id);
      if (changes === 0) throw new RegistryError("REGISTRY_NOT_FOUND", `there is no token ${id} that counts`);
    },

    check(token) {
      const refuse = (why: string) => new RegistryError("REGISTRY_UNAUTHENTICATED", `the token ${why}`);
      const row = database.query<Row, [string]>(`SELECT ${columns} FROM tokens WHERE hash = ?`).get(hashOf(token));
      if (!row) throw refuse("is none of this registry");
      if (row.revokedAt !== null) throw refuse(`${row.id} is revoked`);
      if (row.expiresAt <= now()) throw refuse(`${row.id} has expired at ${new Date(row.expiresAt).toISOString()}`);
      database.query("UPDATE tokens SET used_at = ? WHERE id = ?").run(now(), row.id);
      return tokenOf(row);
    },
  };
}
