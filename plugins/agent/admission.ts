/** From a request to the work that is admitted for it: a turn, a command, or a compaction. */
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import { oneLine } from "@pincer/plugin-sdk/inbound/mentions";
import type { Admission } from "@pincer/plugin-sdk/job";
import { newBoundary } from "@pincer/plugin-sdk/untrusted";
import { literalOf, mayUse, parseCommand, unknownWord } from "./commands.ts";
import {
  type CommandInput,
  type CompactInput,
  commandJob,
  commandLane,
  compactJob,
  recordJob,
  runKey,
  type TurnInput,
  turnJob,
  turnLane,
} from "./turn-input.ts";
import { unknownCommand } from "./unknown-command.ts";
import type { AgentContext } from "./uses.ts";

export interface RequestOrigin {
  /** A client of the gateway asked, who is the owner wherever the message goes. */
  readonly operator?: boolean;
  /** It asked through `chat.*`. */
  readonly chat?: boolean;
  /** The text is not looked at for commands. */
  readonly plain?: boolean;
  /** Nor does it call a skill. */
  readonly literal?: boolean;
}

const isOwners = ({ owner, byOwner }: TurnRequest, { operator }: RequestOrigin) => owner || byOwner === true || operator === true;
const mayCommand = ({ forwarded, attachments = [] }: TurnRequest, { plain, literal }: RequestOrigin) =>
  plain !== true && literal !== true && forwarded === undefined && attachments.length === 0;

/** The admission of what somebody wrote. A word of the owner's that looks like a command and is none, is answered, and no model is asked. */
export async function admissionFor(agent: AgentContext, request: TurnRequest, origin: RequestOrigin = {}): Promise<Admission> {
  const isTyped = request.unanswered !== true && isOwners(request, origin) && mayCommand(request, origin);
  const word = isTyped ? unknownWord(request.text) : undefined;
  const unknown = word === undefined ? undefined : await unknownCommand(agent, request.agentId, word);
  return admissionOf(
    agent,
    request,
    origin,
    word !== undefined && unknown !== undefined ? { command: word, args: "", unknown } : undefined,
  );
}

/** The request's admission. Repeating a request gives the same run, so that its id is the job's key. */
export function admissionOf(
  agent: AgentContext,
  request: TurnRequest,
  origin: RequestOrigin = {},
  unknown?: Pick<CommandInput, "command" | "args" | "unknown">,
): Admission {
  const { runId, sessionKey, agentId, owner, group, sender, replyTo } = request;
  const user = userOf(request);
  const key = runKey(runId);
  const isOwner = isOwners(request, origin);
  const typed = (isOwner || replyTo !== undefined) && mayCommand(request, origin);
  const said = typed && isOwner ? literalOf(request.text) : undefined;
  const input: TurnInput = {
    ...withinLimits(request, agent.config),
    ...(said === undefined ? {} : { text: said }),
    ...(said === undefined && origin.literal !== true ? {} : { literal: true }),
    at: agent.clock.now(),
    boundary: newBoundary(),
    ...(origin.chat === true ? { chat: true } : {}),
    ...(user === undefined ? {} : { user }),
  };
  const from = sender === undefined || owner ? {} : { sender: `${sender.channel}:${sender.id}` };
  if (request.unanswered === true) return { lane: turnLane(sessionKey), kind: recordJob.kind, key, input, mode: "followup", ...from };
  const command = typed ? parseCommand(request.text) : undefined;
  const isAllowed = command !== undefined && mayUse(command.name, { owner: isOwner, group: group === true });
  if (command?.name === "compact" && isAllowed) {
    const compact: CompactInput = { run: input, sessionKey, agentId, ...(command.args === "" ? {} : { focus: command.args }) };
    return { lane: turnLane(sessionKey), kind: compactJob.kind, key, input: compact, mode: "followup", ...from };
  }
  if (command !== undefined || unknown !== undefined) {
    const refused = isAllowed || unknown !== undefined ? {} : { refused: true };
    const run: CommandInput = { ...input, command: command?.name ?? "", args: command?.args ?? "", ...unknown, ...refused };
    return { lane: commandLane(sessionKey), kind: commandJob.kind, key, input: run, mode: "followup", ...from };
  }
  const spends = {
    ...{ agentId, sessionKey },
    ...(user === undefined ? {} : { user }),
    // A message of a chat or channel is not lost to a budget: its turn says that it is used up.
    ...(origin.chat === true || replyTo !== undefined ? { answered: true } : {}),
  };
  return { lane: turnLane(sessionKey), kind: turnJob.kind, key, input, mode: request.mode ?? agent.config.queueMode, spends, ...from };
}

/** For whom models are asked. */
export const userOf = ({ user, sender }: Pick<TurnRequest, "user" | "sender">): string | undefined =>
  user ?? (sender && `${sender.channel}:${sender.id}`);

/** Of attachments that are not taken. */
const mostNamed = 20;

/** What a message carries beyond the limits is named instead of taken. */
function withinLimits(
  request: TurnRequest,
  { attachmentCount, attachmentBytes }: AgentContext["config"],
): TurnRequest & Pick<TurnInput, "untaken"> {
  const { attachments = [] } = request;
  let bytes = 0;
  const kept = attachments.slice(0, attachmentCount).filter(({ data }) => {
    bytes += data.length * 0.75;
    return bytes <= attachmentBytes;
  });
  if (kept.length === attachments.length) return request;
  const left = attachments.filter((attachment) => !kept.includes(attachment));
  const named = left.slice(0, mostNamed).map(({ fileName, kind, mimeType }) => oneLine(`${fileName ?? kind} (${mimeType})`));
  const more = left.length > mostNamed ? [`${left.length - mostNamed} more`] : [];
  return { ...request, attachments: kept, untaken: [...named, ...more] };
}
