/** An event that the gateway broadcasts to the connections that may see it. */
import type { Static, TSchema } from "@sinclair/typebox";
import type { WireScope } from "./method.ts";

export interface GatewayEvent<P extends TSchema = TSchema> {
  readonly name: string;
  readonly summary: string;
  /** Who may receive it; `"any"` is every authenticated connection. */
  readonly scope: WireScope | "any";
  readonly payload: P;
  /** Skipped for a connection whose buffer is filling, instead of closing it as a slow consumer. */
  readonly dropIfSlow?: boolean;
}

export interface EmitOptions {
  /** Only connections that subscribed to one of these topics (`sessions`, `session:<key>`). Absent: all that have the scope. */
  readonly topics?: readonly string[];
  /** Only connections whose client declared this capability flag, such as `tool-events`. */
  readonly cap?: string;
  /** Only these connections; such an event carries no `seq`. */
  readonly connections?: readonly string[];
}

/** A function is called, at most once, when somebody receives the event or listens to it. */
export type Payload<E> = PayloadOf<E> | (() => PayloadOf<E>);

/** Announces an event. */
export type Emit = <E extends GatewayEvent>(event: E, payload: Payload<E>, options?: EmitOptions) => void;

export type PayloadOf<E> = E extends GatewayEvent<infer P> ? Static<P> : never;

export const defineEvent = <P extends TSchema>(definition: GatewayEvent<P>): GatewayEvent<P> => definition;
