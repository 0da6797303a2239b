/** From a request to a call of a tool: which tool, in whose session, with arguments that fit, and allowed. */
import { requireValid } from "@pincer/plugin-sdk/check";
import type { ToolCall, ToolRecord } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { toolCalling } from "@pincer/plugin-sdk/hooks";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { parseKey } from "@pincer/plugin-sdk/session-key";
import { type Static, Type } from "@sinclair/typebox";
import { forbidden, invalid, notFound } from "./failure.ts";
import { matches, mayBeCalled } from "./permitted.ts";
import type { ToolsContext } from "./uses.ts";

const text = Type.Optional(Type.String({ minLength: 1 }));
const Invocation = Type.Object({
  tool: text,
  name: text,
  args: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  action: text,
  sessionKey: text,
  agentId: text,
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
});
type Invocation = Static<typeof Invocation> & { readonly tool: string };

/** Throws an `InvokeFailure`. */
export async function readInvocation(request: Request): Promise<Invocation> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    // silent-ok: the caller is told
    throw invalid("a JSON object was expected as the body");
  }
  requireValid(Invocation, body, (how) => invalid(`the body does not fit: ${how}`));
  const fields = body as Static<typeof Invocation>;
  const tool = fields.tool ?? fields.name;
  if (tool === undefined) throw invalid('expected the tool\'s name in "tool"');
  const header = request.headers.get("idempotency-key");
  return { ...fields, tool, ...(fields.idempotencyKey === undefined && header ? { idempotencyKey: header.slice(0, 512) } : {}) };
}

export interface PreparedCall {
  readonly tool: string;
  readonly call: ToolCall;
  readonly timeoutMs: number;
  /** Running it twice does no harm. */
  readonly isSafe: boolean;
}

/** Everything but the policy's word, which is asked for the call itself. Throws an `InvokeFailure`. */
export async function prepare(ctx: ToolsContext, invocation: Invocation, callId: string, signal: AbortSignal): Promise<PreparedCall> {
  const { tool: name, sessionKey: written } = invocation;
  const io = { signal };
  const { id: defaultAgent } = await ctx.uses.router.agent({}, io);
  const { key, agentId } = parseKey(written ?? "main", defaultAgent, invocation.agentId);
  const agent = await ctx.uses.router.agent({ agentId, workspace: true }, io);
  const found = ctx.uses.tools.list().find((tool) => tool.name === name);
  const { allow, deny } = agent.tools;
  // What an agent may not use is not there for whoever asks in its name.
  if (!found || !matches(allow, name) || matches(deny, name)) throw notFound(`there is no tool "${name}" for agent "${agentId}"`);
  if (!mayBeCalled(name, found.record, ctx.config))
    throw forbidden(`the tool "${name}" may not be called over HTTP; plugins.tools-http.config.allow can name it`);
  const args = fittingArguments(name, found.record, invocation);
  const session = await ctx.uses.sessions.get({ key }, io);
  return {
    tool: name,
    call: {
      callId,
      arguments: args,
      sessionKey: key,
      agentId,
      runId: callId,
      workspace: agent.workspace,
      owner: session?.owner ?? isOwners(key),
    },
    timeoutMs: found.record.timeoutMs ?? ctx.config.timeoutMs,
    isSafe: found.record.access === "read",
  };
}

/** A conversation of a channel is not the owner's own; every other session that nobody has written in yet will be. */
const isOwners = (key: string): boolean => key.replace(/:thread:[\s\S]*$/, "").split(":").length < 5;

function fittingArguments(name: string, { parameters }: ToolRecord, { args = {}, action }: Invocation) {
  try {
    const schema = reviveSchema(parameters);
    const takesAction = action !== undefined && args["action"] === undefined && "action" in ((schema["properties"] as object) ?? {});
    const given = takesAction ? { ...args, action } : args;
    requireValid(schema, given, (how) => invalid(`the arguments of "${name}" do not fit: ${how}`));
    return given;
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    throw invalid(`the parameters of "${name}" cannot be checked: ${errorMessage(error)}`);
  }
}

/** The hooks and the policy decide, as in a turn. Throws an `InvokeFailure`. */
export async function requireAllowed(ctx: ToolsContext, { tool, call }: PreparedCall, signal: AbortSignal): Promise<void> {
  const record = ctx.uses.tools.list().find(({ name }) => name === tool)?.record;
  if (!record) throw notFound(`the tool "${tool}" is no longer there`);
  const { sessionKey, agentId, runId, callId, owner, arguments: args } = call;
  const asked = { tool, access: record.access, arguments: args, sessionKey, agentId, runId, owner };
  const verdict = await ctx.run(toolCalling, asked, { signal });
  if (!verdict.allow) throw forbidden(`the call was refused: ${verdict.reason}`);
  const { policy } = ctx.uses;
  if (policy === undefined) {
    if (!owner) throw forbidden("tools are for the owner's own sessions; this is not one of them");
    return;
  }
  const { allow, reason } = await policy.decide({ ...asked, callId, untrusted: [] }, { signal });
  if (!allow) throw forbidden(`the call was refused: ${reason ?? "the policy does not allow it"}`);
}
