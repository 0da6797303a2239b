/** A call of a tool that waits for the owner's word. */
import type { VNode } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { answering, type Decision, decide, isStill, listed, maySee, now, rest, type ToolCall } from "./requests.ts";
import { titleOfKey } from "./titles.ts";

const LABELS: Readonly<Record<Decision, string>> = {
  "allow-once": "Allow once",
  "allow-always": "Allow here from now on",
  deny: "Deny",
};
const ACCESS: Readonly<Record<string, string>> = {
  exec: "runs a command",
  write: "changes files or settings",
  network: "reaches out to the network",
  read: "reads",
};

const clock = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
const atTime = (ms: number) => new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

/** `named` says in which conversation it is. */
export function ApprovalCard({ call, named }: { readonly call: ToolCall; readonly named: boolean }): VNode {
  const { id, tool, access, read, why, sessionKey, allowedDecisions, createdAtMs, expiresAtMs } = call;
  const left = expiresAtMs - now.value;
  const progress = answering.of(id);
  const isBusy = progress !== undefined && progress.error === undefined;
  const heading = `approval-${id}`;
  useLayoutEffect(rest, [listed.value]);
  const isAllowed = maySee.toolCalls.value;
  return (
    <section class="card approval" aria-labelledby={heading} aria-busy={isBusy}>
      <header>
        <h3 id={heading}>
          May I run <code>{tool}</code>?
        </h3>
        <time class="left" dateTime={new Date(expiresAtMs).toISOString()} title={`until ${atTime(expiresAtMs)}`}>
          <span class="visually-hidden">until {atTime(expiresAtMs)}</span>
          <span aria-hidden="true">{clock(left)}</span>
        </time>
        <i class="bar" aria-hidden="true" style={{ "--left": Math.max(0, Math.min(1, left / (expiresAtMs - createdAtMs))) }} />
      </header>
      {call.arguments !== "" && (
        <pre tabIndex={0} aria-label="What it is called with">
          {call.arguments}
        </pre>
      )}
      {read.length === 0 ? (
        <p>{why}</p>
      ) : (
        <>
          <p>I have read what you did not write:</p>
          <ul class="read">
            {read.map((source) => (
              <li key={source}>{source}</li>
            ))}
          </ul>
        </>
      )}
      <p class="about">
        It {ACCESS[access] ?? access}
        {named && sessionKey !== null && (
          <>
            {" "}
            in <strong>{titleOfKey(sessionKey)}</strong>
          </>
        )}
        . Without an answer it does not run.
      </p>
      {progress?.error !== undefined && (
        <p class="state failed" role="alert">
          Not answered: {progress.error}
        </p>
      )}
      {isAllowed && (
        <div class="actions">
          {allowedDecisions.map((decision) => (
            <button
              type="button"
              key={decision}
              class={decision === "allow-once" ? "primary" : decision === "deny" ? "secondary deny" : "secondary"}
              aria-disabled={isBusy || !isStill.value}
              onClick={() => {
                if (!isBusy && isStill.value) void decide(call, decision);
              }}
            >
              {LABELS[decision]}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
