/** The page's state, and everything that changes it. */
import { computed, signal } from "@preact/signals";
import { Connection, type Credential, RequestFailed, type Standing } from "./connection.ts";
import { advance, fold, isWritten, type Run, type Sent, type WireMessage } from "./conversation.ts";

export interface SessionRow {
  readonly key: string;
  readonly agentId?: string;
  readonly label?: string | null;
  readonly displayName?: string;
  readonly derivedTitle?: string;
  readonly lastMessagePreview?: string;
  readonly updatedAt?: number | null;
  readonly hasActiveRun?: boolean;
  readonly isMain?: boolean;
  readonly model?: string;
  readonly modelProvider?: string;
}

interface History {
  readonly messages: readonly WireMessage[];
  readonly hasMore: boolean;
  readonly nextOffset?: number;
  readonly inFlightRun?: { readonly runId: string; readonly text?: string; readonly itemId?: string } | null;
  readonly sessionInfo?: SessionRow;
}

const PAGE = 100;
const REMEMBERED = "pincer.session";

export const standing = signal<Standing>({ state: "connecting" });
export const sessions = signal<readonly SessionRow[]>([]);
export const agentName = signal("Pincer");
export const current = signal(sessionStorage.getItem(REMEMBERED) ?? "main");
const history = signal<readonly WireMessage[]>([]);
export const more = signal<number | undefined>(undefined);
export const loading = signal(true);
const runs = signal<readonly Run[]>([]);
const sent = signal<readonly Sent[]>([]);
const problem = signal<string | undefined>(undefined);
/** A run was stopped before it had said anything, so that no message tells of it. */
const stopped = signal(false);
export const model = signal<string | undefined>(undefined);
export const drawer = signal(false);
export type View = "conversation" | "requests" | "channels" | "plugins";
export const view = signal<View>("conversation");
/** What the gateway lets this browser do. */
export const scopes = signal<ReadonlySet<string>>(new Set());
const methods = signal<ReadonlySet<string>>(new Set());
/** Whether a plugin of the gateway has that method. */
export const serves = (method: string): boolean => methods.value.has(method);

export const items = computed(() => fold(history.value, runs.value, sent.value, { error: problem.value, stopped: stopped.value }));
export const busy = computed(() => runs.value.length > 0 || sent.value.some((entry) => entry.state === "sending"));

export function messageOf(error: unknown): string {
  if (error instanceof RequestFailed && error.error.details?.["missingScope"] !== undefined)
    return "this browser was let in for less than that; open a fresh link here: ./pincer up";
  return error instanceof Error ? error.message : String(error);
}

export interface Failure {
  /** Ours where there is one, else the wire's. */
  readonly code: string;
  readonly message: string;
}
export function failureOf(error: unknown): Failure {
  const told = error instanceof RequestFailed ? error.error : undefined;
  return { code: String(told?.details?.["code"] ?? told?.code ?? "PAGE_FAULT"), message: messageOf(error) };
}

export const isCurrent = (key: unknown) => key === current.value || (current.value === "main" && /^agent:[^:]+:main$/.test(String(key)));

type Hello = Record<string, unknown>;
type Told = (name: string, payload: Record<string, unknown>) => void;
/** The parts of the page that show something else than conversations. */
const parts: { readonly fresh: (hello: Hello) => void; readonly told: Told }[] = [];
/** `fresh`: everything shown must be read again. */
export const addPart = (part: (typeof parts)[number]): void => void parts.push(part);

const connection = new Connection({
  standing: (next) => {
    standing.value = next;
  },
  fresh: (hello) => {
    const defaults = (hello["snapshot"] as { sessionDefaults?: { mainSessionKey?: string } } | undefined)?.sessionDefaults;
    scopes.value = new Set((hello["auth"] as { scopes?: string[] } | undefined)?.scopes);
    methods.value = new Set((hello["features"] as { methods?: string[] } | undefined)?.methods);
    for (const part of parts) part.fresh(hello);
    if (current.value === "main" && defaults?.mainSessionKey !== undefined) current.value = defaults.mainSessionKey;
    void refresh();
  },
  event: onEvent,
});

export const request = <T>(method: string, params?: unknown) => connection.request<T>(method, params);
export const logIn = (credential: Credential) => connection.open(credential);
/** Whatever the gateway does for this page at this moment, it ends; then the page is back. */
export const hangUp = () => connection.hangUp();

/** After a (re)connection: everything shown is read again, and what was not confirmed is sent again under its old key, so that nothing doubles. */
async function refresh(): Promise<void> {
  try {
    await connection.request("sessions.subscribe");
    await Promise.all([loadSessions(), loadHistory(), loadAgent()]);
    for (const entry of sent.value) if (entry.state === "sending") deliver(entry);
  } catch (error) {
    problem.value = messageOf(error);
  }
}

async function loadAgent(): Promise<void> {
  const identity = await connection.request<{ name?: string }>("agent.identity.get", {});
  agentName.value = identity.name ?? "Pincer";
}

async function loadSessions(): Promise<void> {
  const list = await connection.request<{ sessions: readonly SessionRow[] }>("sessions.list", {
    limit: PAGE,
    includeDerivedTitles: true,
    includeLastMessage: true,
  });
  sessions.value = list.sessions;
}

/** Messages that were announced since the history was read; those of a run that is shown live join when it ends. */
let arrived: WireMessage[] = [];
const seqOf = (message: WireMessage) => message.__openclaw?.seq ?? 0;

function join(messages: readonly WireMessage[]): readonly WireMessage[] {
  const last = messages.reduce((seq, message) => Math.max(seq, seqOf(message)), 0);
  arrived = arrived.filter((message) => seqOf(message) > last);
  const live = new Set(runs.value.map(({ runId }) => runId));
  const ready = arrived.filter((message) => !live.has(message.__openclaw?.runId ?? ""));
  return ready.length === 0 ? messages : [...messages, ...ready];
}

let reading = 0;
async function loadHistory(): Promise<void> {
  const key = current.value;
  const ticket = ++reading;
  const page = await connection.request<History>("chat.history", { sessionKey: key, limit: PAGE });
  if (ticket !== reading || key !== current.value) return;
  history.value = page.messages;
  arrived = arrived.filter((message) => !page.messages.some((known) => known.__openclaw?.id === message.__openclaw?.id));
  more.value = page.hasMore ? (page.nextOffset ?? page.messages.length) : undefined;
  loading.value = false;
  problem.value = undefined;
  const info = page.sessionInfo;
  model.value =
    info?.model === undefined ? undefined : info.modelProvider === undefined ? info.model : `${info.modelProvider}/${info.model}`;
  const confirmed = new Set(page.messages.map((message) => message.idempotencyKey));
  sent.value = sent.value.filter((entry) => !confirmed.has(`${entry.runId}:user`));
  const flight = page.inFlightRun;
  const said = flight?.text && !isWritten(page.messages, flight.runId, flight.text) ? flight.text : undefined;
  runs.value = flight
    ? [{ runId: flight.runId, phase: "", parts: said === undefined ? [] : [{ type: "text", id: flight.itemId ?? "text", text: said }] }]
    : [];
  history.value = join(history.value);
}

export async function loadOlder(): Promise<void> {
  const offset = more.value;
  if (offset === undefined) return;
  more.value = undefined;
  const key = current.value;
  const page = await connection.request<History>("chat.history", { sessionKey: key, limit: PAGE, offset });
  if (key !== current.value) return;
  history.value = [...page.messages, ...history.value];
  more.value = page.hasMore ? page.nextOffset : undefined;
}

export function openView(next: View): void {
  drawer.value = false;
  view.value = next;
}

export function openSession(key: string): void {
  openView("conversation");
  if (key === current.value) return;
  current.value = key;
  sessionStorage.setItem(REMEMBERED, key);
  history.value = [];
  arrived = [];
  runs.value = [];
  sent.value = [];
  problem.value = undefined;
  stopped.value = false;
  loading.value = true;
  void loadHistory().catch((error: unknown) => {
    loading.value = false;
    problem.value = messageOf(error);
  });
}

export async function newSession(): Promise<void> {
  try {
    const { key } = await connection.request<{ key: string }>("sessions.create", { idempotencyKey: crypto.randomUUID() });
    openSession(key);
    await loadSessions();
  } catch (error) {
    problem.value = messageOf(error);
  }
}

const update = (runId: string, change: Partial<Sent>) => {
  sent.value = sent.value.map((entry) => (entry.runId === runId ? { ...entry, ...change } : entry));
};

/** Without a name it is called by what was said in it. */
export const renameSession = (key: string, name: string) => connection.request("sessions.patch", { key, label: name === "" ? null : name });

export async function deleteSession(key: string): Promise<void> {
  await connection.request("sessions.delete", { key });
  sessions.value = sessions.value.filter((row) => row.key !== key);
  if (key === current.value) openSession(sessions.value.find(({ isMain }) => isMain === true)?.key ?? "main");
}

/** What is on its way. Whoever stops just then means that, too: the gateway must have it before it can be stopped. */
let delivering: Promise<unknown> = Promise.resolve();
const deliver = (entry: Sent): void => {
  delivering = Promise.all([delivering, attempt(entry)]);
};

async function attempt({ runId, text, images }: Sent): Promise<void> {
  const attachments = images.map(({ data, mimeType }) => ({ type: "image", mimeType, content: data }));
  try {
    await connection.request("chat.send", {
      sessionKey: current.value,
      message: text,
      idempotencyKey: runId,
      queueMode: "steer",
      ...(attachments.length === 0 ? {} : { attachments }),
    });
    update(runId, { state: "accepted" });
  } catch (error) {
    const lost = error instanceof RequestFailed && error.error.retryable === true;
    if (!lost) update(runId, { state: "failed", error: messageOf(error) });
  }
}

export function send(text: string, images: Sent["images"]): void {
  const entry: Sent = { runId: crypto.randomUUID(), text, images, state: "sending" };
  sent.value = [...sent.value, entry];
  problem.value = undefined;
  stopped.value = false;
  if (standing.value.state === "connected") deliver(entry);
}

export function resend(entry: Sent): void {
  update(entry.runId, { state: "sending" });
  deliver(entry);
}

export function discard(entry: Sent): void {
  sent.value = sent.value.filter(({ runId }) => runId !== entry.runId);
}

export async function stop(): Promise<void> {
  try {
    await delivering;
    await connection.request("chat.abort", { sessionKey: current.value });
  } catch (error) {
    problem.value = messageOf(error);
  }
}

function onEvent(name: string, payload: Record<string, unknown>): void {
  for (const part of parts) part.told(name, payload);
  if (name === "sessions.changed") {
    const row = payload["session"] as SessionRow | null | undefined;
    const key = String(payload["sessionKey"]);
    sessions.value = row
      ? [row, ...sessions.value.filter((known) => known.key !== key)]
      : sessions.value.filter((known) => known.key !== key);
    return;
  }
  if (name === "session.message" && isCurrent(payload["sessionKey"])) {
    arrived.push(payload["message"] as WireMessage);
    history.value = join(history.value);
    return;
  }
  if ((name !== "agent" && name !== "chat") || !isCurrent(payload["sessionKey"])) return;
  const runId = String(payload["runId"]);
  const known = runs.value.find((run) => run.runId === runId);
  if (name === "agent") {
    if (payload["stream"] === "lifecycle" && known !== undefined) return;
    const phase = (payload["data"] as { phase?: string } | undefined)?.phase;
    if (payload["stream"] === "lifecycle" && phase !== "start") return;
    const run = advance(
      known ?? { runId, parts: [], phase: "" },
      String(payload["stream"]),
      (payload["data"] as Record<string, unknown>) ?? {},
    );
    runs.value = known === undefined ? [...runs.value, run] : runs.value.map((other) => (other.runId === runId ? run : other));
    return;
  }
  const state = payload["state"];
  if (state === "status") {
    const run = { ...(known ?? { runId, parts: [] }), phase: String(payload["phase"] ?? "") };
    runs.value = known === undefined ? [...runs.value, run] : runs.value.map((other) => (other.runId === runId ? run : other));
  } else if (state !== "delta") {
    const failure = state === "error" ? String(payload["errorMessage"] ?? "The turn failed.") : undefined;
    void loadHistory()
      .then(() => {
        runs.value = runs.value.filter((run) => run.runId !== runId);
        history.value = join(history.value);
        stopped.value = state === "aborted" && history.value.at(-1)?.stopReason !== "aborted";
        if (failure !== undefined && !items.value.some((item) => item.kind === "note" && item.tone === "error" && item.text === failure))
          problem.value = failure;
      })
      .catch((error: unknown) => {
        problem.value = messageOf(error);
      });
  }
}
