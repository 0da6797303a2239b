/** What people attach, as the model is given it: read once for each message, between its acceptance and the first model call. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { OnBehalfOf } from "@pincer/plugin-sdk/contracts/transcriber-access";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { oneLine } from "@pincer/plugin-sdk/inbound/mentions";
import type { Job } from "@pincer/plugin-sdk/job";
import { isFinal } from "./errors.ts";
import type { TurnInput } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

interface ReadAttachments {
  readonly attachments: readonly Attachment[];
  /** Sentences about what could not be read. */
  readonly notes: readonly string[];
}

export interface ReadInput {
  readonly input: TurnInput;
  readonly notes: readonly string[];
}

const nameOf = ({ fileName, kind }: Attachment): string => oneLine(fileName ?? "").slice(0, 100) || kind;

/** A step of the job, so that a resumed turn reads nothing again. Without `media` the attachments are as they came. */
export async function readAttachments(agent: AgentContext, job: Job, input: TurnInput, signal: AbortSignal): Promise<ReadInput> {
  const sent = input.attachments ?? [];
  if (sent.length === 0 || agent.uses.media === undefined) return { input, notes: [] };
  const read = await job
    .effect(`attachments:${input.runId}`, null, () => readEach(agent, sent, input, signal), { replay: "safe" })
    .catch((error: unknown): ReadAttachments => {
      // A run that is stopped for good, or takes too long, keeps its place in the conversation all the same; any other is run again.
      if (!signal.aborted || (job.signal.aborted && !isFinal(job.signal.reason))) throw error;
      return { attachments: [], notes: ["The attachments were not read: the run was stopped before."] };
    });
  return { input: { ...input, attachments: [...read.attachments] }, notes: read.notes };
}

const withoutReader: ReadonlySet<string> = new Set([
  "CAPABILITY_MISSING",
  "PLUGIN_DISABLED",
  "PLUGIN_LOAD_FAILED",
  "PLUGIN_UNCONFINABLE",
  "PLUGIN_UNTRUSTED",
]);

async function readEach(agent: AgentContext, sent: readonly Attachment[], input: TurnInput, signal: AbortSignal): Promise<ReadAttachments> {
  const { agentId, sessionKey, runId, user } = input;
  const onBehalfOf = { agentId, sessionKey, runId, ...(user === undefined ? {} : { user }) };
  const attachments: Attachment[] = [];
  const notes: string[] = [];
  let bytes = 0;
  for (const one of sent) {
    const { attachment, note } = await readOne(agent, one, onBehalfOf, signal);
    if (note !== undefined) notes.push(note);
    if (attachment === undefined) continue;
    bytes += attachment.data.length * 0.75;
    if (bytes <= agent.config.attachmentBytes) attachments.push(attachment);
    else notes.push(`${nameOf(one)} was left out: the attachments have more than ${agent.config.attachmentBytes} bytes together.`);
  }
  return { attachments, notes };
}

async function readOne(
  agent: AgentContext,
  attachment: Attachment,
  onBehalfOf: OnBehalfOf,
  signal: AbortSignal,
): Promise<{ readonly attachment?: Attachment; readonly note?: string }> {
  try {
    return (await agent.uses.media?.prepare({ attachment, onBehalfOf }, { signal })) ?? { attachment };
  } catch (error) {
    signal.throwIfAborted();
    agent.log.warn("attachment.unread", { fileName: attachment.fileName, mimeType: attachment.mimeType, error: errorMessage(error) });
    // Where no reader starts, the file is as it came.
    if (isGatewayError(error) && withoutReader.has(error.code)) return { attachment };
    // What ended every reader that it was given to is not handed on.
    return { note: `${nameOf(attachment)} could not be read: whatever opened it failed.` };
  }
}
