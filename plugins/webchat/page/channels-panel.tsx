/** The accounts on channels: what each is doing, what is wrong, and what to type then. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type Account, act, doing, failure, installed, isChecking, loadChannels, mayAct, status } from "./channels.ts";
import { search } from "./installing.ts";
import { NothingHere, Panel, Said, Typed } from "./panel.tsx";
import { openView } from "./state.ts";

type Tone = "good" | "wait" | "bad" | "off";

function standingOf({ enabled, linked, running, connected, healthState, probe, reconnectAttempts }: Account): readonly [Tone, string] {
  if (!enabled) return ["off", "Turned off"];
  if (connected && probe?.ok === false) return ["bad", "Connected, but its login does not hold"];
  if (connected) return ["good", "Connected"];
  if (!linked) return ["bad", "Not logged in"];
  if (healthState === "failed") return ["bad", "It cannot start"];
  if (!running) return ["off", "Stopped"];
  return ["wait", reconnectAttempts > 0 ? `Connecting, attempt ${reconnectAttempts + 1}` : "Connecting"];
}

const ago = (at: number | null): string | undefined => {
  if (at === null) return undefined;
  const minutes = Math.round((Date.now() - at) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1_440)} days ago`;
};

function Buttons({ channel, account }: { readonly channel: string; readonly account: Account }): VNode | null {
  const [sure, setSure] = useState(false);
  const progress = doing.of(`${channel}/${account.accountId}`);
  const isBusy = progress !== undefined && progress.error === undefined;
  if (!mayAct.value || !account.enabled) return null;
  const does = (verb: "start" | "stop" | "logout") => () => {
    setSure(false);
    void act(verb, channel, account.accountId);
  };
  return (
    <>
      {progress?.error !== undefined && (
        <p class="state failed" role="alert">
          That did not work: {progress.error}
        </p>
      )}
      <div class="actions">
        <button type="button" class="secondary" disabled={isBusy} onClick={does(account.running ? "stop" : "start")}>
          {account.running ? "Stop" : "Start"}
        </button>
        {account.hasLogin && account.linked && !sure && (
          <button type="button" class="secondary deny" disabled={isBusy} onClick={() => setSure(true)}>
            Log out
          </button>
        )}
        {sure && (
          <button type="button" class="secondary deny sure" disabled={isBusy} onClick={does("logout")} onBlur={() => setSure(false)}>
            End its login on the platform
          </button>
        )}
      </div>
    </>
  );
}

function AccountCard(props: { readonly channel: string; readonly label: string; readonly account: Account }): VNode {
  const { channel, label, account } = props;
  const [tone, said] = standingOf(account);
  const { accountId, name, probe, lastError, lastUndelivered } = account;
  const isWell = tone === "good" || tone === "off";
  const reason = probe?.ok === false ? (probe.detail ?? lastError) : lastError;
  const hint = probe?.ok === false ? (probe.hint ?? account.hint) : account.hint;
  const heading = `account-${channel}-${accountId}`;
  const self = probe?.self ?? name;
  const heard = [
    ["Last heard", ago(account.lastInboundAt)],
    ["Last sent", ago(account.lastOutboundAt)],
  ].flatMap(([what, when]) => (when === undefined ? [] : [`${what} ${when}`]));
  return (
    <section class="card account" aria-labelledby={heading}>
      <header>
        <h3 id={heading}>
          {label}
          {accountId !== "default" && <span class="account-id"> {accountId}</span>}
        </h3>
        <span class={`standing ${tone}`}>{said}</span>
      </header>
      {self !== undefined && <p>As {self}</p>}
      {!isWell && reason !== null && reason !== undefined && <p class="reason">{reason}</p>}
      {hint !== undefined && tone !== "good" && (
        <p class="hint-line">
          To do: <Said text={hint} />
        </p>
      )}
      {heard.length > 0 && <p class="about">{heard.join(" · ")}</p>}
      {lastUndelivered !== null && (
        <p class="state failed">
          A message to {lastUndelivered.conversation}{" "}
          {lastUndelivered.state === "failed" ? "was not delivered" : "may not have been delivered"}: {lastUndelivered.detail}
        </p>
      )}
      <Buttons channel={channel} account={account} />
    </section>
  );
}

/** What each needs differs: it says so once it is on. */
const choose = () => {
  openView("plugins");
  void search("channel");
};

function NoChannel(): VNode {
  return (
    <NothingHere>
      <p>No channel is set up yet.</p>
      <p>
        A channel is where you write to the assistant from elsewhere
        {installed.value.length === 0 ? "; a plugin brings it." : `. There are: ${installed.value.join(", ")}.`}
      </p>
      {mayAct.value && (
        <button type="button" class="primary" onClick={choose}>
          Choose one
        </button>
      )}
      <p>
        <Typed text="pincer channels status" /> says with what each begins.
      </p>
    </NothingHere>
  );
}

export function ChannelsPanel(): VNode {
  const read = status.value;
  const accounts = (read?.channelOrder ?? []).flatMap((channel) =>
    (read?.channelAccounts[channel] ?? []).map((account) => ({ channel, account, label: read?.channelLabels[channel] ?? channel })),
  );
  return (
    <Panel
      title="Channels"
      about="Where people write to the assistant, and how each account is."
      failure={failure.value}
      onRetry={() => void loadChannels(true)}
      action={
        <button type="button" class="secondary" disabled={isChecking.value} onClick={() => void loadChannels(true)}>
          {isChecking.value ? "Checking…" : "Check"}
        </button>
      }
    >
      {read === undefined && failure.value === undefined && (
        <div class="skeleton" aria-hidden="true">
          <span />
          <span />
        </div>
      )}
      {accounts.map(({ channel, account, label }) => (
        <AccountCard key={`${channel}/${account.accountId}`} channel={channel} label={label} account={account} />
      ))}
      {read !== undefined && accounts.length === 0 && <NoChannel />}
    </Panel>
  );
}
