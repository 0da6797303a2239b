/** What people on channels would complain about: replies that are missing, or that they read twice. */
import type { JobRow } from "./autopsy.ts";
import type { ChaosChannel, Shown } from "./channels/channel.ts";
import { answering, type Evidence, groups, runOf, tight, twice, wholeOf } from "./evidence.ts";

interface Receipt {
  readonly state: string;
  readonly messageIds: readonly string[];
}
const receiptOf = ({ result }: JobRow) => result as Receipt;
const isUncertain = (job: JobRow) => receiptOf(job).state === "uncertain";

const laneOf = ({ name }: ChaosChannel, conversation: string) => `out:${name}:default:${conversation}`;
/** The run whose reply has that key. */
const runSending = (key: string): string => key.replace(/^out:/, "").replace(/:(block:\d+|final(:\d+)?)$/, "");
const linePattern = /line \d+ of the answer to (.*?), ask \d+/g;
const isNote = (text: string) => /^Note \d+\.$/.test(text);

/** No reply is missing, or visible twice, or another than the transcript's, but those that are reported uncertain. */
export function* deliveries(evidence: Evidence): Generator<string> {
  const { remains, world } = evidence;
  const replies = [...remains.jobs.values()].filter(({ kind }) => kind === "delivery.outbound");
  for (const reply of replies) {
    const { key, result } = reply;
    const { state } = receiptOf(reply);
    const isNoted = remains.entries.some(({ id }) => id === `delivery:${key}`);
    if (state !== "delivered" && state !== "uncertain") yield `${key} is ${JSON.stringify(result)}`;
    if (state === "uncertain" && !isNoted && !key.startsWith("out:send:"))
      yield `${key} is uncertain, and its conversation does not say so`;
    if (state === "delivered" && isNoted) yield `${key} was delivered, and its conversation says that it was not`;
  }
  const names = new Map(evidence.load.said.map((said) => [said.name, said]));
  const runNamed = (name: string): string | undefined => {
    const said = names.get(name);
    const job = said && answering(remains, said);
    return job && runOf(job);
  };
  for (const channel of world.channels)
    for (const [conversation, shown] of groups(channel.shown, (one) => one.conversation)) {
      const own = replies.filter(({ lane }) => lane === laneOf(channel, conversation));
      yield* conversationComplaints({ evidence, channel, conversation, shown, replies: own, runNamed });
    }
  yield* answers(evidence, replies);
}

interface Conversation {
  readonly evidence: Evidence;
  readonly channel: ChaosChannel;
  readonly conversation: string;
  /** What people read there. */
  readonly shown: readonly Shown[];
  /** What was to be sent there. */
  readonly replies: readonly JobRow[];
  /** The run that has answered the message of that name. */
  readonly runNamed: (name: string) => string | undefined;
}

/** By the ids of the messages that are known to be shown: which reply they belong to. */
const accounts = (replies: readonly JobRow[]) =>
  new Map(replies.flatMap((job) => receiptOf(job).messageIds.map((id) => [id, job] as const)));

function* conversationComplaints({ evidence, channel, conversation, shown, replies, runNamed }: Conversation): Generator<string> {
  const where = `${channel.name} ${conversation}`;
  const known = accounts(replies);
  const isStray = ({ id }: Shown) => !known.has(id);
  const runIn = ({ text }: Shown): string | undefined => {
    const [, names = ""] = [...text.matchAll(linePattern)][0] ?? /^Working on (.*?) for ask/.exec(text) ?? [];
    // It may answer messages whose own runs were stopped before.
    const runs = [...names.matchAll(/m\d+/g)].flatMap(([name]) => runNamed(name) ?? []);
    return runs.find((run) => wholeOf(evidence.remains.entries, run).includes(tight(text))) ?? runs[0];
  };
  const uncertainOf = (run: string | undefined) =>
    replies.filter((job) => isUncertain(job) && (run === undefined || job.key.startsWith(`out:${run}:`)));

  for (const key of twice(shown.flatMap(({ key }) => key ?? []))) yield `${where} shows the part ${key} twice`;

  // A message that no receipt names may be there only when its reply is called uncertain.
  for (const [run, strays] of groups(
    shown.filter((one) => isStray(one) && !isNote(one.text)),
    runIn,
  )) {
    const excuses = uncertainOf(run);
    const texts = strays.map(({ text }) => `"${text}"`).join(", ");
    if (excuses.length === 0) yield `${where} shows ${texts} of ${run}, of which no receipt knows`;
    else if (channel.grows && run !== undefined && strays.length > excuses.length)
      yield `${where} shows ${texts} of ${run}, of which ${excuses.length} may be uncertain`;
    // A piece that names no message may be of any reply that is uncertain.
    const wholes = excuses.map(({ key }) => wholeOf(evidence.remains.entries, runSending(key)));
    // What has grown before a crash may be of an answer that the model began anew.
    if (!channel.grows && !strays.every(({ text }) => wholes.some((whole) => whole.includes(tight(text)))))
      yield `${where} shows ${texts}, which ${run} never said`;
  }

  // Only the first edition of an answer that grows may be there besides: nobody knows whether there is something to be changed.
  for (const one of shown) for (const line of twice(linesIn(one))) yield `${where} shows "${line}" twice in one message`;
  for (const [line, copies] of groups(
    shown.flatMap((one) => [...new Set(linesIn(one))].map((line) => ({ line, one }))),
    (copy) => copy.line,
  )) {
    if (copies.length < 2) continue;
    const first = copies[0]?.one;
    const began = uncertainOf(first && runIn(first)).filter(({ key }) => key.includes(":block:")).length;
    const strays = copies.filter(({ one }) => isStray(one)).length;
    if (!channel.grows || strays < copies.length - 1 || began < copies.length - 1) yield `${where} shows "${line}" ${copies.length} times`;
  }

  // Replies of one conversation appear in the order of their turns.
  const turns = evidence.remains.entries.filter(({ role }) => role === "assistant").map(({ runId }) => runId);
  const places = shown.flatMap((one) => {
    const key = known.get(one.id)?.key ?? "";
    const at = turns.findIndex((runId) => runId !== null && key.startsWith(`out:${runId}:`));
    return at === -1 ? [] : [{ key, at }];
  });
  for (const [index, { key, at }] of places.entries()) {
    const before = places[index - 1];
    if (before !== undefined && before.at > at) yield `${where} shows ${key} behind ${before.key}`;
  }
}

const linesIn = ({ text }: Shown): string[] => [...text.matchAll(linePattern)].map(([line]) => line);

/** Whoever wrote reads what the transcript says that they were answered. */
function* answers({ remains, load }: Evidence, replies: readonly JobRow[]): Generator<string> {
  const runs = new Map<JobRow, Map<string, { readonly channel: ChaosChannel; readonly conversation: string }>>();
  for (const said of load.said) {
    const job = answering(remains, said);
    if (said.place === undefined || job?.state !== "done") continue;
    const { channel, conversation } = said.place;
    const places = runs.get(job) ?? new Map();
    runs.set(job, places.set(laneOf(channel, conversation), { channel, conversation }));
  }
  for (const [job, places] of runs) {
    const runId = runOf(job);
    const own = replies.filter(({ key }) => key.startsWith(`out:${runId}:`));
    const whole = wholeOf(remains.entries, runId);
    const last = wholeOf(remains.entries.filter(({ role, runId: by }) => role === "assistant" && by === runId).slice(-1), runId);
    for (const [lane, { channel, conversation }] of places) {
      const there = own.filter((reply) => reply.lane === lane);
      const known = accounts(there);
      const parts = channel.shown.filter((one) => one.conversation === conversation && known.has(one.id));
      const shown = tight(parts.map(({ text }) => text).join(""));
      const where = `${channel.name} ${conversation}`;
      // A room whose message joined later reads from there on.
      const isWhole = whole.endsWith(shown) && shown.endsWith(last);
      if (there.some(isUncertain)) {
        if (!parts.every(({ text }) => whole.includes(tight(text)))) yield `${where} reads what ${runId} never said: "${shown}"`;
      } else if (!isWhole) yield `${where} reads "${shown}" as the answer of ${runId}, whose transcript says "${whole}"`;
    }
  }
}

/** What was sent by hand is there once, as its answer says. */
export function* notes({ load }: Evidence): Generator<string> {
  for (const { key, text, answer, channel } of load.notes) {
    const shown = channel.shown.filter((one) => one.text === text).length;
    if (answer === undefined) yield `${key} was never answered`;
    else if (shown > 1) yield `${key} is visible ${shown} times`;
    else if (answer.status === "delivered" && shown !== 1) yield `${key} is said to be delivered, and is not there`;
  }
}
