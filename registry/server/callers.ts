/** Who sends something: whoever holds a token of a publisher's, or the key itself. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import type { PublicKey } from "../trust/key.ts";
import { contentDigest, type Proof, toleranceMs, verifyRequest } from "./request-signature.ts";
import type { Token, TokenScope, Tokens } from "./tokens.ts";

/** One of the two. */
export interface Caller {
  readonly token?: Token;
  readonly proof?: Proof;
}

export interface Callers {
  /** From the headers alone, before anything of the body is read. Throws `REGISTRY_UNAUTHENTICATED`, `REGISTRY_MISDIRECTED`. */
  identify(request: Request): Caller;
  /** That the body is the one that was signed. */
  requireBody(caller: Caller, body: Uint8Array): void;
  /** That the caller may speak for this publisher, and has not said just this before. */
  requireSpeaker(caller: Caller, publisher: string, keys: readonly PublicKey[]): void;
  /** And says it now, for the only time. Within the step that does it. */
  requirePublisher(caller: Caller, publisher: string, keys: readonly PublicKey[]): void;
}

/** `addresses`: what the server is called, each without a slash at its end. */
export function createCallers(database: Database, tokens: Tokens, addresses: () => readonly string[], now: () => number): Callers {
  /** Also those for which it was signed where somebody else is meant, so that it can be said. */
  function proofOf({ method, url, headers }: Request): Proof {
    const { pathname, search, host } = new URL(url);
    const [own, other] = [addresses(), headers.get("host") ?? host];
    const urls = [...own, `https://${other}`, `http://${other}`].map((address) => `${address}${pathname}${search}`);
    const proof = verifyRequest(method, urls, headers, now());
    if (urls.indexOf(proof.url) < own.length) return proof;
    const known = own.length === 0 ? "none" : own[0];
    throw new RegistryError(
      "REGISTRY_MISDIRECTED",
      `the request is signed for ${proof.url}, and the address of this registry is ${known}: whoever runs it says which it is with \`address\` in its server.json; a token is for every address`,
    );
  }

  const seen = database.query<object, [string, string]>("SELECT 1 FROM nonces WHERE key = ? AND nonce = ?");

  function requireSpeaker({ token, proof }: Caller, publisher: string, keys: readonly PublicKey[]): void {
    if (token && token.publisher !== publisher)
      throw new RegistryError("REGISTRY_FORBIDDEN", `the token ${token.id} is ${token.publisher}'s, and cannot publish as ${publisher}`);
    if (proof && !keys.some(({ json }) => json.keyval.public === proof.key))
      throw new RegistryError("REGISTRY_FORBIDDEN", `the request is signed with a key that is none of ${publisher}'s`);
    if (proof && seen.get(proof.key, proof.nonce))
      throw new RegistryError("REGISTRY_UNAUTHENTICATED", "this very request came before, and is not done twice");
  }

  return {
    identify(request) {
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      if (bearer !== undefined) return { token: tokens.check(bearer) };
      if (!request.headers.has("signature"))
        throw new RegistryError(
          "REGISTRY_UNAUTHENTICATED",
          "expected a token (`Authorization: Bearer`) or a signature with the publisher's key (`Signature`)",
        );
      return { proof: proofOf(request) };
    },

    requireBody({ proof }, body) {
      if (proof && contentDigest(body) !== proof.digest)
        throw new RegistryError("REGISTRY_UNAUTHENTICATED", "the body is not the one that the request was signed with");
    },

    requireSpeaker,

    requirePublisher(caller, publisher, keys) {
      requireSpeaker(caller, publisher, keys);
      const { proof } = caller;
      if (!proof) return;
      database.query("DELETE FROM nonces WHERE until < ?").run(now());
      database.query("INSERT INTO nonces (key, nonce, until) VALUES (?, ?, ?)").run(proof.key, proof.nonce, now() + 2 * toleranceMs);
    },
  };
}

export function requireScope({ token }: Caller, scope: TokenScope): void {
  if (token && !token.scopes.includes(scope))
    throw new RegistryError(
      "REGISTRY_FORBIDDEN",
      `the token ${token.id} is for ${token.scopes.join(" and ")}, and this would need ${scope}`,
    );
}
