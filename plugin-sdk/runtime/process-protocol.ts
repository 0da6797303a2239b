/**
 * What the gateway and a plugin's process say to each other over a peer (`peer.ts`). The plugin's process says `hello` first; the gateway
 * then calls `start`, and from then on each calls the other. A process is never trusted: the gateway checks whatever comes from it.
 */
import type { Call, Stream } from "../contract.ts";
import type { Generated, Permissions } from "../manifest.ts";
import type { ConnectionInfo, Role, WireScope } from "../method.ts";

/** Raised with every change that an older process or gateway would not understand. */
export const processProtocol = 4;

/** The descriptor of the one connection that a process has: it is born with it, and can make no other. */
export const connectionFd = 3;

/** The first call of a process. */
export interface Hello {
  readonly protocol: number;
  /** The version of its SDK. */
  readonly sdk: string;
}

/** One provider of a contract that the plugin uses. */
export interface Provided {
  readonly name: string;
  readonly plugin: string;
  readonly record: unknown;
  /** Optional members that it has. */
  readonly optional: readonly string[];
}
/** By id of the contracts that the plugin uses; of a `one` contract the provider that is used. */
export type Provisions = Readonly<Record<string, readonly Provided[]>>;

export interface Start {
  readonly id: string;
  readonly version: string;
  /** Paths as the process sees them; the plugin's code is not there before. */
  readonly code: string;
  readonly home: string;
  readonly dataDir: string;
  readonly permissions: Permissions;
  readonly config: unknown;
  readonly provisions: Provisions;
  readonly limits: { readonly retryFirstMs: number; readonly retryLongestMs: number; readonly unloadMs: number };
  /** Of a confined process that may use a network: what its way out needs to know. */
  readonly bridge?: BridgeSettings;
}

/** What a caller over here has to know of a member that only the process has the contract of. */
export type ProvidedMember = Pick<Call, "kind" | "safe" | "speaksAs"> | Pick<Stream, "kind" | "safe" | "held">;

export interface BridgeSettings {
  /** `host:port`, `*.host:port`, or `public`. */
  readonly net: readonly string[];
  /** Where there are no namespaces: on this port of 127.0.0.1 alone, for clients that use a proxy. */
  readonly proxyPort?: number;
}

/** The stream `egress`: a connection to `target`, `host:port`. The first item comes when it stands, the rest is what arrives. */
export interface EgressRequest {
  readonly target: string;
}
export type EgressItem =
  /** By which `egress.write` and `egress.finish` name it. */
  { readonly connection: number } | { readonly chunk: Uint8Array };

/** What `setup` registered. */
export interface Started {
  readonly generated: Generated;
  /** `<contract>/<name>` -> member -> what it is. */
  readonly members: Readonly<Record<string, Readonly<Record<string, ProvidedMember>>>>;
  /** How many services it has. */
  readonly services: number;
}

/** Who calls a method. */
export interface CallFacts {
  readonly connection: Omit<ConnectionInfo, "caps"> & { readonly caps: readonly string[] };
  readonly role: Role;
  readonly scopes: readonly WireScope[];
}

export interface RouteRequest {
  readonly prefix: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
}
/** The head comes first, then the body in pieces. */
export type RouteItem =
  | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
  | { readonly chunk: Uint8Array };

export interface JobFacts {
  readonly kind: string;
  readonly key: string;
  readonly lane: string;
  readonly input: unknown;
  readonly admittedAt: number;
  readonly order: number;
  readonly resumed: boolean;
  readonly crashes: number;
}
