/** What the bus asks of access when somebody comes to the door, and what it is told. */
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import type { ConnectParams } from "@pincer/plugin-sdk/wire/connect";

/** The transport's facts, which no client can claim for itself. */
export interface Door {
  /** The peer's address as the socket knows it. */
  readonly remoteAddress: string;
  /** Lowercase header names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the peer is on this machine and no proxy header says otherwise. */
  readonly directLoopback: boolean;
}

export interface ConnectAttempt {
  readonly door: Door;
  /** The nonce of this connection's challenge. */
  readonly nonce: string;
  readonly params: ConnectParams;
}

export interface Admitted {
  /** Who it is, for idempotency, limits and audit: a device id, or `shared`. */
  readonly principal: string;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  /** How it was proven, for `hello-ok.auth.method`. */
  readonly method: "none" | "token" | "password" | "device-token" | "bootstrap-token";
  readonly deviceId?: string;
  readonly deviceToken?: string;
  readonly issuedAtMs?: number;
}

/** The answer for an HTTP request's bearer token. */
export type RequestDecision =
  | { readonly ok: true; readonly principal: string; readonly scopes: readonly WireScope[] }
  | { readonly ok: false; readonly status: 401 | 403 | 429 | 503; readonly message?: string; readonly retryAfterMs?: number };
