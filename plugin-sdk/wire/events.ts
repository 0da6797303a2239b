/** What every gateway announces by itself (`protocol` section 5). */
import { Type } from "@sinclair/typebox";
import { defineEvent } from "../event.ts";
import { PresenceEntry } from "./presence.ts";

const Health = Type.Record(Type.String(), Type.Unknown());

export const challengeEvent = defineEvent({
  name: "connect.challenge",
  summary: "The first frame on every socket; its nonce is what a device signs.",
  scope: "any",
  payload: Type.Object({ nonce: Type.String(), ts: Type.Integer() }),
});

export const tickEvent = defineEvent({
  name: "tick",
  summary: "A sign of life; a client that misses two closes its socket.",
  scope: "any",
  payload: Type.Object({ ts: Type.Integer() }),
  dropIfSlow: true,
});

export const healthEvent = defineEvent({
  name: "health",
  summary: "How the gateway is, every minute.",
  scope: "any",
  payload: Health,
  dropIfSlow: true,
});

export const presenceEvent = defineEvent({
  name: "presence",
  summary: "Who is connected.",
  scope: "operator.read",
  payload: Type.Object({ presence: Type.Array(PresenceEntry) }),
  dropIfSlow: true,
});

export const shutdownEvent = defineEvent({
  name: "shutdown",
  summary: "The gateway stops; sockets close with 1012 once running requests have been answered.",
  scope: "any",
  payload: Type.Object({ reason: Type.String(), restartExpectedMs: Type.Optional(Type.Integer()) }),
});

export const kernelEvents = [challengeEvent, tickEvent, healthEvent, presenceEvent, shutdownEvent];
