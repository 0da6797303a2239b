/** What a user would complain about, once everything has come to rest. */
import type { Message } from "@pincer/plugin-sdk/message";
import type { EntryRow, JobRow, Remains } from "./autopsy.ts";
import type { Load, Said } from "./load.ts";
import type { Witness } from "./witness.ts";
import { asksIn, namesIn, type World } from "./world.ts";

const tight = (text: string) => text.replace(/\s+/g, "");
const textOf = ({ content }: Message) =>
  typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "")).join("");
const uncertainTool = "may or may not have taken effect";
const groups = <K, V>(of: readonly V[], by: (value: V) => K): Map<K, V[]> => {
  const found = new Map<K, V[]>();
  for (const value of of) found.set(by(value), [...(found.get(by(value)) ?? []), value]);
  return found;
};
const twice = <V>(of: readonly V[]): V[] => [...groups(of, (value) => value)].flatMap(([value, all]) => (all.length > 1 ? [value] : []));

interface Evidence {
  readonly remains: Remains;
  readonly load: Load;
  readonly world: World;
  readonly witness: Witness;
}

export function complaintsOf(evidence: Evidence): string[] {
  const { remains, load, witness } = evidence;
  witness.finish();
  return [
    ...load.refusals.map((refusal) => `refused: ${refusal}`),
    ...witness.complaints,
    ...(remains.integrity === "ok" ? [] : [`the store is damaged: ${remains.integrity}`]),
    ...work(evidence),
    ...messages(evidence),
    ...order(evidence),
    ...transcripts(evidence),
    ...tools(evidence),
    ...deliveries(evidence),
    ...notes(evidence),
  ];
}

/** The run that answers a message: its own, or the one that absorbed it. */
function answering({ jobs }: Remains, { runId }: Said): JobRow | undefined {
  let job = jobs.get(`run:${runId}`);
  while (job?.state === "absorbed") job = jobs.get(String((job.result as { by?: unknown } | null)?.by));
  return job;
}

const runOf = ({ key }: JobRow) => key.slice("run:".length);

function* work({ remains }: Evidence): Generator<string> {
  for (const { key, state, ended, result } of remains.jobs.values()) {
    if (!ended) yield `${key} is still ${state}`;
    else if (state === "failed" || state === "parked") yield `${key} ended as ${state}: ${JSON.stringify(result)}`;
  }
  for (const { key, name } of remains.steps) yield `the step ${name} of ${key} is left over`;
}

/** No accepted message is lost: each has its place in its transcript, and an end. */
function* messages({ remains, load }: Evidence): Generator<string> {
  const interrupts = groups(
    load.said.filter(({ mode }) => mode === "interrupt"),
    ({ sessionKey }) => sessionKey,
  );
  for (const said of load.said) {
    const { runId, sessionKey, stop } = said;
    if (!said.isAccepted) {
      yield `${runId} was never accepted`;
      continue;
    }
    const job = answering(remains, said);
    if (job === undefined) {
      yield `${runId} was accepted and is lost`;
      continue;
    }
    const mayBeStopped =
      stop !== "no" || interrupts.has(sessionKey) || load.said.some((other) => other.stop !== "no" && other.sessionKey === sessionKey);
    if (job.state === "cancelled" && !mayBeStopped) yield `nobody stopped ${runId}, and it was cancelled`;
    if (job.state === "done" && (job.result as { status?: string }).status !== "ok")
      yield `${runId} ended with ${JSON.stringify(job.result)}`;
    if (stop === "acknowledged" && job.state === "done" && (job.result as { stopReason?: string }).stopReason === "aborted")
      yield `${runId} was stopped, and its job does not say so`;
    const own = remains.entries.filter((entry) => entry.session === sessionKey && entry.id === `${runId}:user`);
    // Who was stopped before it began has said nothing.
    const mayBeAbsent = job.state === "cancelled" && stop !== "no";
    if (own.length !== 1 && !(own.length === 0 && mayBeAbsent))
      yield `${runId} has ${own.length} places in the transcript of ${sessionKey}`;
    if (job.state === "done" && !remains.entries.some(({ role, runId: by }) => role === "assistant" && by === runOf(job)))
      yield `${runId} has no answer`;
  }
}

/** Messages of one kind stand in a conversation in the order in which they were accepted. */
function* order({ remains, load }: Evidence): Generator<string> {
  const place = new Map(remains.entries.map((entry, index) => [`${entry.session} ${entry.id}`, index]));
  const kinds = groups(load.said, ({ sessionKey, room, mode }) => `${sessionKey} ${room ?? "page"} ${mode}`);
  for (const [kind, said] of kinds) {
    if (kind.endsWith("interrupt")) continue;
    const places = said.flatMap(({ sessionKey, runId, name }) => {
      const at = place.get(`${sessionKey} ${runId}:user`);
      return at === undefined ? [] : [{ name, at }];
    });
    for (const [index, { name, at }] of places.entries()) {
      const before = places[index - 1];
      if (before !== undefined && before.at > at) yield `${before.name} came before ${name}, and stands behind it (${kind})`;
    }
  }
}

function* transcripts({ remains }: Evidence): Generator<string> {
  for (const [session, entries] of groups(remains.entries, (entry) => entry.session)) {
    for (const id of twice(entries.map((entry) => entry.id))) yield `${id} stands twice in ${session}`;
    const users = entries.filter(({ role, kind }) => role === "user" && kind === "message");
    for (const name of twice(users.flatMap(({ message }) => namesIn(textOf(message)))))
      yield `${name} was said once, and stands twice in ${session}`;
    const answers = entries.filter(({ role }) => role === "assistant");
    for (const ask of twice(answers.flatMap(({ message }) => asksIn(JSON.stringify(message))))) {
      yield `the answer to ask ${ask} stands twice in ${session}`;
    }
    const results = entries.flatMap(({ message }) => (message.role === "toolResult" ? [message.toolCallId] : []));
    for (const id of twice(results)) yield `${id} has two results in ${session}`;
  }
}

/** No settled tool runs again; what nobody can say is said, and nothing else is. */
function* tools({ remains, world, witness }: Evidence): Generator<string> {
  for (const id of twice(world.effects)) yield `the tool call ${id} took effect ${world.effects.filter((one) => one === id).length} times`;
  for (const { message, id: entry } of remains.entries) {
    if (message.role !== "toolResult") continue;
    const { toolCallId: id, isError } = message;
    const text = textOf(message);
    const isUncertain = text.includes(uncertainTool);
    if (isUncertain && !witness.interrupted.has(id)) yield `${entry} is called uncertain, and no gateway died while it ran`;
    if (!isError && text !== `noted ${id}` && text !== `saw ${id}`) yield `${entry} has a result of something else: ${text}`;
    if (!isError && text.startsWith("noted") && !world.effects.includes(id)) yield `${entry} is said to have taken effect, and did not`;
    if (isError && !isUncertain) yield `${entry} failed: ${text}`;
  }
}

/** What the transcript says of a run in one text, as far as it was meant to be sent. */
const saidBy = (entries: readonly EntryRow[], runId: string) =>
  entries
    .filter(({ role, runId: by, kind }) => role === "assistant" && kind === "message" && by === runId)
    .map(({ message }) => tight(textOf(message)));

interface Receipt {
  readonly state: string;
  readonly messageIds: readonly string[];
}

/** No reply is missing, or visible twice, or another than the transcript's, but those that are reported uncertain. */
function* deliveries({ remains, load, world }: Evidence): Generator<string> {
  const { posted } = world.platform;
  for (const key of twice(posted.map(({ key = "" }) => key))) yield `the part ${key} is visible twice`;
  const lines = posted.flatMap(({ text }) => [...text.matchAll(/line \d+ of the answer to .*?, ask \d+/g)].map(([line]) => line));
  for (const line of twice(lines)) yield `"${line}" is visible twice`;

  const replies = [...remains.jobs.values()].filter(({ kind }) => kind === "delivery.outbound");
  for (const { key, result } of replies) {
    const { state } = result as Receipt;
    const isNoted = remains.entries.some(({ id }) => id === `delivery:${key}`);
    if (state !== "delivered" && state !== "uncertain") yield `${key} is ${JSON.stringify(result)}`;
    if (state === "uncertain" && !isNoted && !key.startsWith("out:send:"))
      yield `${key} is uncertain, and its conversation does not say so`;
    if (state === "delivered" && isNoted) yield `${key} was delivered, and its conversation says that it was not`;
  }

  const runs = new Map<string, { readonly job: JobRow; readonly rooms: Set<string> }>();
  for (const said of load.said) {
    const job = answering(remains, said);
    if (said.room === undefined || job?.state !== "done") continue;
    const run = runs.get(job.key) ?? { job, rooms: new Set<string>() };
    runs.set(job.key, { job, rooms: run.rooms.add(said.room) });
  }
  for (const { job, rooms } of runs.values()) {
    const runId = runOf(job);
    const own = replies.filter(({ key }) => key.startsWith(`out:${runId}:`));
    const isUncertain = own.some(({ result }) => (result as Receipt).state === "uncertain");
    const answer = saidBy(remains.entries, runId);
    for (const room of rooms) {
      const parts = posted.filter(({ key, room: where }) => where === room && key?.startsWith(`${runId}:`));
      const shown = tight(parts.map(({ text }) => text).join(""));
      // A room whose message joined later reads from there on.
      const whole = answer.join("");
      const isWhole = whole.endsWith(shown) && shown.endsWith(answer.at(-1) ?? "");
      if (!isUncertain && !isWhole) yield `${room} reads "${shown}" as the answer of ${runId}, whose transcript says "${whole}"`;
      if (isUncertain && !parts.every(({ text }) => whole.includes(tight(text)))) yield `${room} reads what ${runId} never said`;
    }
  }
  // Replies of one conversation appear in the order of their turns, and their parts in their own.
  const turns = remains.entries.filter(({ role }) => role === "assistant").map(({ runId }) => runId);
  for (const [room, shown] of groups(posted, (one) => one.room)) {
    const places = shown.flatMap(({ key = "" }) => {
      const at = turns.findIndex((runId) => runId !== null && key.startsWith(`${runId}:`));
      return at === -1 ? [] : [{ key, at }];
    });
    for (const [index, { key, at }] of places.entries()) {
      const before = places[index - 1];
      if (before !== undefined && before.at > at) yield `${room} reads ${key} behind ${before.key}`;
    }
  }
}

/** What was sent by hand is there once, as its answer says. */
function* notes({ load, world }: Evidence): Generator<string> {
  for (const { key, text, answer } of load.notes) {
    const shown = world.platform.posted.filter((posted) => posted.text === text).length;
    if (answer === undefined) yield `${key} was never answered`;
    else if (shown > 1) yield `${key} is visible ${shown} times`;
    else if (answer.status === "delivered" && shown !== 1) yield `${key} is said to be delivered, and is not there`;
  }
}
