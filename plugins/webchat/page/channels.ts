/** The accounts on channels: how each is, and connecting and disconnecting them. */
import { computed, signal } from "@preact/signals";
import { createProgress } from "./progress.ts";
import { addPart, messageOf, request, scopes, view } from "./state.ts";

export interface Account {
  readonly accountId: string;
  readonly name?: string;
  readonly enabled: boolean;
  readonly linked: boolean;
  readonly running: boolean;
  readonly connected: boolean;
  readonly reconnectAttempts: number;
  readonly lastError: string | null;
  readonly lastInboundAt: number | null;
  readonly lastOutboundAt: number | null;
  readonly lastUndelivered: { readonly conversation: string; readonly state: string; readonly detail: string } | null;
  readonly healthState: string;
  readonly hint?: string;
  readonly hasLogin: boolean;
  readonly probe?: { readonly ok: boolean; readonly self?: string; readonly detail?: string; readonly hint?: string };
}

export interface ChannelStatus {
  readonly channelOrder: readonly string[];
  readonly channelLabels: Readonly<Record<string, string>>;
  readonly channelAccounts: Readonly<Record<string, readonly Account[]>>;
}

interface Summary {
  readonly ok: boolean;
}

/** Undefined: not read yet. */
export const status = signal<ChannelStatus | undefined>(undefined);
export const failure = signal<string | undefined>(undefined);
export const isChecking = signal(false);
/** Channels that are installed, for whoever has none. */
export const installed = signal<readonly string[]>([]);
/** By `channel/account`. */
export const doing = createProgress();
export const mayAct = computed(() => scopes.value.has("operator.admin"));

const summary = signal<Readonly<Record<string, Summary>>>({});
export const troubles = computed(() => Object.values(summary.value).filter(({ ok }) => !ok).length);
const noteHealth = (health: unknown) => {
  const channels = (health as { channels?: Readonly<Record<string, Summary>> } | undefined)?.channels;
  if (channels !== undefined) summary.value = channels;
};

/** With `probe` each platform is asked whether the login holds. */
export async function loadChannels(probe: boolean): Promise<void> {
  isChecking.value ||= probe;
  try {
    const read = await request<ChannelStatus & { readonly channels: Readonly<Record<string, Summary>> }>("channels.status", { probe });
    status.value = probe ? read : withProbes(read, status.value);
    summary.value = read.channels;
    failure.value = undefined;
    if (Object.values(read.channelAccounts).every((accounts) => accounts.length === 0)) await loadInstalled();
  } catch (error) {
    failure.value = messageOf(error);
  } finally {
    if (probe) isChecking.value = false;
  }
}

/** What the platform said of an account stands until it is asked again, or the account is otherwise than it was. */
function withProbes(read: ChannelStatus, before: ChannelStatus | undefined): ChannelStatus {
  const probed = (channel: string, account: Account): Account => {
    const was = before?.channelAccounts[channel]?.find(({ accountId }) => accountId === account.accountId);
    return was?.probe !== undefined && was.connected === account.connected ? { ...account, probe: was.probe } : account;
  };
  const all = Object.entries(read.channelAccounts).map(([channel, accounts]) => [channel, accounts.map((one) => probed(channel, one))]);
  return { ...read, channelAccounts: Object.fromEntries(all) };
}

async function loadInstalled(): Promise<void> {
  const { plugins } = await request<{ plugins: readonly { readonly id: string }[] }>("plugins.status", {});
  installed.value = plugins.flatMap(({ id }) => (id.startsWith("channel-") ? id.slice("channel-".length) : [])).sort();
}

export const act = (verb: "start" | "stop" | "logout", channel: string, accountId: string) =>
  doing.run(
    `${channel}/${accountId}`,
    () => request(`channels.${verb}`, { channel, accountId }),
    () => loadChannels(false),
  );

const open = async () => {
  await loadChannels(false);
  await loadChannels(true);
};

/** While they are looked at; nobody tells of what becomes of an account. */
const againMs = 5_000;
let again: number | undefined;
view.subscribe((now) => {
  clearInterval(again);
  if (now !== "channels") return;
  void open();
  again = window.setInterval(() => {
    if (!isChecking.value && document.visibilityState === "visible") void loadChannels(false);
  }, againMs);
});

addPart({
  fresh(hello) {
    noteHealth((hello["snapshot"] as { health?: unknown } | undefined)?.health);
    if (view.value === "channels") void open();
  },
  told(name, payload) {
    if (name === "health") noteHealth(payload);
  },
});
