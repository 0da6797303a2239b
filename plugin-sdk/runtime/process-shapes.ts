/** What a plugin's process may ask of the gateway, and in which shape: nothing that comes from there is believed. */
import { Type } from "@sinclair/typebox";
import type { HookKind } from "../hook.ts";
import { Admission, QueueMode } from "../job.ts";

const Text = Type.String({ maxLength: 4_096 });
const Key = Type.String({ maxLength: 1_024 });
const Name = Type.String({ maxLength: 512 });
const closed = { additionalProperties: false };
const Fields = Type.Record(Type.String(), Type.Unknown());

const JobKey = { key: Key };
const Level = Type.Union([Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")]);
const EmitShape = Type.Object(
  { topics: Type.Optional(Type.Array(Text)), cap: Type.Optional(Text), connections: Type.Optional(Type.Array(Text)) },
  closed,
);

export const shapes = {
  hello: Type.Object({ protocol: Type.Integer(), sdk: Name }),
  log: Type.Object({ level: Level, event: Type.String({ maxLength: 200 }), fields: Type.Optional(Fields) }),
  fault: Type.Object({ what: Text, message: Type.String() }),
  "store.get": Type.Object({ key: Key }),
  "store.list": Type.Object({ prefix: Key }),
  "store.set": Type.Object({ set: Fields, gone: Type.Array(Key) }),
  emit: Type.Object({ event: Name, payload: Type.Unknown(), options: EmitShape }),
  call: Type.Object({ method: Name, params: Type.Optional(Type.Unknown()) }),
  run: Type.Object({ id: Name, kind: Type.Unsafe<HookKind>(Type.String()), payload: Type.Unknown() }),
  secret: Type.Object({ name: Name }),
  use: Type.Object(
    { contract: Name, version: Type.Integer(), name: Type.Optional(Name), member: Name, params: Type.Optional(Type.Unknown()) },
    closed,
  ),
  "job.effect": Type.Object({ ...JobKey, name: Name, input: Type.Optional(Type.Unknown()), safe: Type.Boolean() }),
  "job.take": Type.Object({ ...JobKey, name: Name, modes: Type.Array(QueueMode) }),
  "job.send": Type.Object({ ...JobKey, next: Admission }),
  "job.sendNow": Type.Object({ ...JobKey, name: Name, next: Admission }),
  "job.sleep": Type.Object({ ...JobKey, ms: Type.Number({ minimum: 0 }) }),
};
