/** What waits for the owner: calls of tools, people on channels, devices. */
import { computed, effect, signal } from "@preact/signals";
import { createProgress } from "./progress.ts";
import { addPart, agentName, isCurrent, messageOf, request, scopes, serves, standing } from "./state.ts";

export type Decision = "allow-once" | "allow-always" | "deny";

export interface ToolCall {
  readonly id: string;
  readonly code: string;
  readonly tool: string;
  readonly access: string;
  readonly arguments: string;
  readonly why: string;
  readonly read: readonly string[];
  readonly sessionKey: string | null;
  readonly allowedDecisions: readonly Decision[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface Applicant {
  readonly requestId: string;
  readonly kind: "sender" | "group";
  readonly channel: string;
  readonly accountId: string;
  readonly id: string;
  readonly name?: string;
  readonly createdAtMs: number;
}

export interface AskingDevice {
  readonly requestId: string;
  readonly displayName?: string;
  readonly clientId?: string;
  readonly platform?: string;
  readonly remoteIp?: string;
  readonly role: string;
  readonly scopes: readonly string[];
}

/** A tool that was allowed in a conversation from now on. */
export interface Grant {
  readonly sessionKey: string;
  readonly tool: string;
}

/** Undefined: nobody serves it. */
export const toolCalls = signal<readonly ToolCall[] | undefined>([]);
export const applicants = signal<readonly Applicant[] | undefined>([]);
export const grants = signal<readonly Grant[]>([]);
export const hasOwner = signal(true);
export const devices = signal<readonly AskingDevice[] | undefined>([]);
/** Why what waits could not be read. */
export const failure = signal<string | undefined>(undefined);
export const answering = createProgress();

export const waiting = computed(() => (toolCalls.value?.length ?? 0) + (applicants.value?.length ?? 0) + (devices.value?.length ?? 0));
/** Those about the conversation that is open. */
export const callsHere = computed(() => (toolCalls.value ?? []).filter(({ sessionKey }) => sessionKey !== null && isCurrent(sessionKey)));
const hasRested = signal(false);
/**
 * False from when something that waits comes or goes, or the window comes to the front, until what is shown has stood still for a moment: a click that
 * was meant for another, or for a window that lay above this one, must not let in what moved under the pointer meanwhile. Nor can anything be answered
 * while the gateway does not hear it.
 */
export const isStill = computed(() => hasRested.value && standing.value.state === "connected");
export const listed = computed(() =>
  [
    ...(toolCalls.value ?? []).map(({ id }) => id),
    ...[...(applicants.value ?? []), ...(devices.value ?? [])].map(({ requestId }) => requestId),
    String(hasOwner.value),
  ].join(" "),
);
const restMs = 500;
let resting: number | undefined;
/** Called once what waits is shown as it is listed. */
export function rest(): void {
  clearTimeout(resting);
  resting = window.setTimeout(() => {
    hasRested.value = true;
  }, restMs);
}
listed.subscribe(() => {
  hasRested.value = false;
});
function comeToFront(): void {
  hasRested.value = false;
  rest();
}
window.addEventListener("focus", comeToFront);
document.addEventListener("visibilitychange", comeToFront);

/** The time in seconds, while something has a time that runs out. */
export const now = signal(Date.now());

export const maySee = {
  toolCalls: computed(() => scopes.value.has("operator.approvals")),
  people: computed(() => scopes.value.has("operator.pairing")),
};

/** Undefined when no plugin of the gateway has that method. */
const ask = async <T>(method: string): Promise<T | undefined> => (serves(method) ? request<T>(method, {}) : undefined);

async function loadToolCalls(): Promise<void> {
  if (!maySee.toolCalls.value) return;
  const [waits, given] = await Promise.all([
    ask<{ approvals: readonly ToolCall[] }>("approvals.list"),
    ask<{ grants: readonly Grant[] }>("approvals.grants"),
  ]);
  toolCalls.value = waits?.approvals;
  grants.value = given?.grants ?? [];
}

async function loadApplicants(): Promise<void> {
  if (!maySee.people.value) return;
  const listed = await ask<{ requests: readonly Applicant[]; owners: readonly unknown[] }>("pairing.list");
  hasOwner.value = listed === undefined || listed.owners.length > 0;
  applicants.value = listed?.requests;
}

async function loadDevices(): Promise<void> {
  if (!maySee.people.value) return;
  devices.value = (await ask<{ pending: readonly AskingDevice[] }>("device.pair.list"))?.pending;
}

const shown = (load: () => Promise<void>): Promise<void> =>
  load().then(
    () => {
      failure.value = undefined;
    },
    (error: unknown) => {
      failure.value = messageOf(error);
    },
  );
export const loadRequests = () => shown(async () => void (await Promise.all([loadToolCalls(), loadApplicants(), loadDevices()])));

/** What came of it is in the list that is read anew. */
const answer = (id: string, method: string, params: unknown, load: () => Promise<void>) =>
  answering.run(
    id,
    () => request(method, params),
    () => shown(load),
  );

export const decide = ({ id, code }: ToolCall, decision: Decision) => answer(id, "approvals.answer", { code, decision }, loadToolCalls);
export const letIn = ({ requestId }: Applicant) => answer(requestId, "pairing.approve", { code: requestId }, loadApplicants);
/** Only the code says who is who: whoever else asks may have taken the owner's name. */
export const OWNER = "owner";
export const beOwner = (code: string) => answer(OWNER, "pairing.approve", { code, owner: true }, loadApplicants);
export const takeBack = ({ sessionKey, tool }: Grant) =>
  answer(`${sessionKey} ${tool}`, "approvals.revoke", { sessionKey, tool }, loadToolCalls);
export const turnDown = ({ requestId }: Applicant) => answer(requestId, "pairing.reject", { code: requestId }, loadApplicants);
export const pair = ({ requestId }: AskingDevice, verb: "approve" | "reject") =>
  answer(requestId, `device.pair.${verb}`, { requestId }, loadDevices);

addPart({
  fresh: () => void loadRequests(),
  told(name) {
    if (/^(?:exec|plugin)\.approval\./.test(name)) void shown(loadToolCalls);
    else if (name.startsWith("channels.pairing.")) void shown(loadApplicants);
    else if (name.startsWith("device.pair.")) void shown(loadDevices);
  },
});

/** Time runs only while somebody looks at something that it ends. */
let ticking: number | undefined;
effect(() => {
  const runs = (toolCalls.value?.length ?? 0) > 0;
  if (runs && ticking === undefined) {
    now.value = Date.now();
    ticking = window.setInterval(() => {
      now.value = Date.now();
    }, 1_000);
  } else if (!runs) {
    clearInterval(ticking);
    ticking = undefined;
  }
});

effect(() => {
  document.title = waiting.value > 0 ? `(${waiting.value}) ${agentName.value}` : agentName.value;
});
