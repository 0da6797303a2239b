/** What a user would complain about, once everything has come to rest. */
import { deliveries, notes } from "./delivery-checks.ts";
import { answering, type Evidence, groups, runOf, textOf, twice } from "./evidence.ts";
import { asksIn, namesIn } from "./world.ts";

const unmadeCall = "The call was not made";
const stoppedTool = "The turn was stopped while this tool ran";
const uncertainTool = "may or may not have taken effect";

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
  const ordered = load.said.filter(({ place }) => place?.channel.isUnordered !== true);
  const kinds = groups(ordered, ({ sessionKey, place, mode }) => `${sessionKey} ${place?.conversation ?? "page"} ${mode}`);
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
  for (const { message, id: entry, runId } of remains.entries) {
    if (message.role !== "toolResult") continue;
    const { toolCallId: id, isError } = message;
    const text = textOf(message);
    if (text.startsWith(unmadeCall) && world.effects.includes(id)) yield `${entry} is said not to have been made, and took effect`;
    const isStopped = remains.jobs.get(`run:${runId}`)?.state === "cancelled";
    if (isStopped && (text.startsWith(unmadeCall) || text.startsWith(stoppedTool))) continue;
    const isUncertain = text.includes(uncertainTool);
    if (isUncertain && !witness.interrupted.has(id)) yield `${entry} is called uncertain, and no gateway died while it ran`;
    if (!isError && text !== `noted ${id}` && text !== `saw ${id}`) yield `${entry} has a result of something else: ${text}`;
    if (!isError && text.startsWith("noted") && !world.effects.includes(id)) yield `${entry} is said to have taken effect, and did not`;
    if (isError && !isUncertain) yield `${entry} failed: ${text}`;
  }
}
