/** `channels.*`: how the accounts are, connecting them, and ending their logins. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { DeliveryConfig } from "./config.ts";
import type { AccountState, ChannelManager } from "./manager.ts";
import * as methods from "./methods.ts";
import { channelsStatus, findingsOf } from "./status.ts";
import { deliveryErrors, type Targets } from "./targets.ts";
import { troubleOf } from "./trouble.ts";
import type { uses } from "./uses.ts";

/** Longest that a platform is waited for. */
const probeMs = 10_000;
/** Longest that an account is waited for that connects just now. */
const settleMs = 5_000;

type Context = PluginContext<DeliveryConfig, typeof uses>;

export function registerAccounts(ctx: Context, manager: ChannelManager, { accountOf, actionsOf }: Targets): void {
  const { channels } = ctx.uses;
  const status = (only?: string, states = manager.states(), probes?: ReadonlyMap<AccountState, Probe>) =>
    channelsStatus(
      ctx.clock.now(),
      channels.list(),
      states,
      ctx.config,
      only,
      probes,
      ({ channel }) => actionsOf(channel)?.logout !== undefined,
    );

  /** What the platform says of the login; where it cannot be asked, what the connection says. */
  const probe = async (state: AccountState, withinMs: number, signal: AbortSignal): Promise<Probe> => {
    const { channel, account, connected, self } = state;
    const ask = actionsOf(channel)?.probe;
    if (ask === undefined) return connected ? { ok: true, ...(self === undefined ? {} : { self }) } : { ok: false, ...troubleOf(state) };
    using within = linkSignals(signal);
    const late = new Error(`the platform did not answer within ${withinMs} ms`);
    using _timer = ctx.clock.after(withinMs, () => within.abort(late));
    const gaveUp = new Promise<never>((_, reject) =>
      within.signal.addEventListener("abort", () => reject(within.signal.reason), { once: true }),
    );
    const asked = ask({ account }, { signal: within.signal });
    asked.catch(() => undefined); // silent-ok: it came too late to be told
    try {
      return await Promise.race([asked, gaveUp]);
    } catch (error) {
      return { ok: false, detail: errorMessage(error), hint: `pincer logs --level warn says what happened to ${channel}/${account}` };
    }
  };

  const probed = async (only: string | undefined, timeoutMs: number, signal: AbortSignal) => {
    const states = manager.states();
    const asked = states.filter((state) => state.enabled && (only === undefined || state.channel === only));
    const withinMs = Math.min(timeoutMs, probeMs);
    const probes = await Promise.all(asked.map(async (state) => [state, await probe(state, withinMs, signal)] as const));
    using settling = linkSignals(signal);
    using _timer = ctx.clock.after(settleMs, () => settling.abort(new Error(`it has not connected within ${settleMs} ms`)));
    await Promise.all(probes.map(([state, { ok }]) => ok && !state.connected && manager.settle(state, settling.signal)));
    return status(only, states, new Map(probes));
  };
  ctx.method(methods.channelsStatus, async ({ channel: only, probe: isProbed, timeoutMs = probeMs }, { signal }) =>
    isProbed === true ? probed(only, timeoutMs, signal) : status(only),
  );
  ctx.method(methods.check, async (_params, { signal }) => ({ findings: findingsOf(await probed(undefined, probeMs, signal)) }));

  ctx.method(methods.channelsStart, async ({ channel, accountId }) => {
    const account = accountOf(channel, accountId);
    await manager.start(channel, account);
    const started = manager.states().some((state) => state.channel === channel && state.account === account && state.running);
    return { channel, accountId: account, started };
  });
  ctx.method(methods.channelsStop, async ({ channel, accountId }) => {
    const account = accountOf(channel, accountId);
    await manager.stop(channel, account);
    return { channel, accountId: account, stopped: true };
  });
  ctx.method(methods.channelsLogout, async ({ channel, accountId }, { signal }) => {
    const account = accountOf(channel, accountId);
    const logout = actionsOf(channel)?.logout;
    if (logout === undefined)
      throw deliveryErrors.DELIVERY_UNSUPPORTED(`${channel} has no login to end: take its token away, or channels.stop it`);
    await manager.stop(channel, account);
    await logout({ account }, { signal });
    manager.loggedOut(channel, account);
    return { channel, accountId: account, cleared: true, loggedOut: true };
  });

  ctx.health(async () => {
    const { channels: shown, channelOrder, channelLabels } = status();
    const parts = { channels: shown, channelOrder, channelLabels };
    const down = manager.states().filter((state) => state.enabled && !state.connected);
    const told = down.map(
      (state) => `${state.channel}/${state.account}: ${troubleOf(state).detail} (pincer channels status says what to do)`,
    );
    return down.length === 0 ? { ok: true, parts } : { ok: false, parts, detail: told.join("; ") };
  });
}
