/** `agents.*` on the wire (`protocol` section 4.2). */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { NO_NUL } from "./config.ts";
import { FileEntry } from "./files.ts";

const agentId = Type.String({ minLength: 1 });
const closed = { additionalProperties: false };

export const agentsList = defineMethod({
  name: "agents.list",
  summary: "The agents, and which is the default.",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({
    defaultId: Type.String(),
    mainKey: Type.String(),
    scope: Type.Union([Type.Literal("per-sender"), Type.Literal("global")]),
    agents: Type.Array(
      Type.Object({
        id: Type.String(),
        kind: Type.Literal("agent"),
        name: Type.String(),
        identity: Type.Object({ name: Type.String(), emoji: Type.Optional(Type.String()), avatar: Type.Optional(Type.String()) }),
        workspace: Type.String(),
        model: Type.Optional(Type.Object({ primary: Type.String() })),
      }),
    ),
  }),
});

const editable = {
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  workspace: Type.Optional(Type.String({ minLength: 1, pattern: NO_NUL })),
  emoji: Type.Optional(Type.String()),
  avatar: Type.Optional(Type.String()),
};

export const agentsCreate = defineMethod({
  name: "agents.create",
  summary: "Adds an agent.",
  scope: "operator.admin",
  params: Type.Object(
    { ...editable, name: Type.String({ minLength: 1, maxLength: 200 }), model: Type.Optional(Type.String({ minLength: 1 })) },
    closed,
  ),
  result: Type.Object({
    ok: Type.Literal(true),
    agentId,
    name: Type.String(),
    workspace: Type.String(),
    model: Type.Optional(Type.String()),
  }),
});

export const agentsUpdate = defineMethod({
  name: "agents.update",
  summary: "Changes an agent.",
  scope: "operator.admin",
  params: Type.Object({ agentId, ...editable, model: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])) }, closed),
  result: Type.Object({ ok: Type.Literal(true), agentId }),
});

export const agentsDelete = defineMethod({
  name: "agents.delete",
  summary: "Removes an agent, and its workspace when asked to.",
  scope: "operator.admin",
  params: Type.Object({ agentId, deleteFiles: Type.Optional(Type.Boolean()) }, closed),
  result: Type.Object({ ok: Type.Literal(true), agentId, removedBindings: Type.Integer() }),
});

export const filesList = defineMethod({
  name: "agents.files.list",
  summary: "The files of an agent's workspace that make up its prompt.",
  scope: "operator.read",
  params: Type.Object({ agentId }, closed),
  result: Type.Object({ agentId, workspace: Type.String(), files: Type.Array(FileEntry) }),
});

export const filesGet = defineMethod({
  name: "agents.files.get",
  summary: "One of an agent's files.",
  scope: "operator.read",
  params: Type.Object({ agentId, name: Type.String({ minLength: 1 }) }, closed),
  result: Type.Object({ agentId, workspace: Type.String(), file: FileEntry }),
});

export const filesSet = defineMethod({
  name: "agents.files.set",
  summary: "Writes one of an agent's files.",
  scope: "operator.admin",
  params: Type.Object(
    {
      agentId,
      name: Type.String({ minLength: 1 }),
      content: Type.String({ maxLength: 1_000_000 }),
      expectedHash: Type.Optional(Type.String()),
    },
    closed,
  ),
  result: Type.Object({ ok: Type.Literal(true), agentId, workspace: Type.String(), file: FileEntry }),
});
