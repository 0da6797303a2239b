/** The list of sessions, and the ways to the other views. */
import type { VNode } from "preact";
import { troubles } from "./channels.ts";
import { broken } from "./plugins.ts";
import { waiting } from "./requests.ts";
import { SessionRow } from "./session-row.tsx";
import { agentName, drawer, newSession, openView, sessions, type View, view } from "./state.ts";

function Way(props: { readonly to: View; readonly label: string; readonly count: number; readonly counted: string }): VNode {
  const { to, label, count, counted } = props;
  const here = view.value === to;
  return (
    <button type="button" class={here ? "session here" : "session"} aria-current={here ? "page" : undefined} onClick={() => openView(to)}>
      <span class="title">{label}</span>
      {count > 0 && (
        <span class="badge">
          {count}
          <span class="visually-hidden"> {counted}</span>
        </span>
      )}
    </button>
  );
}

export function Sidebar(): VNode {
  return (
    <nav class={`sidebar ${drawer.value ? "open" : ""}`} aria-label="Conversations">
      <header>
        <img src="/assets/icon.svg" alt="" width="24" height="24" />
        <strong>{agentName.value}</strong>
        <button type="button" class="quiet" title="New conversation" aria-label="New conversation" onClick={() => void newSession()}>
          <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
            <path d="M10 4v12M4 10h12" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" fill="none" />
          </svg>
        </button>
      </header>
      <ul>
        {sessions.value.map((row) => (
          <SessionRow key={row.key} row={row} />
        ))}
      </ul>
      <div class="ways">
        <Way to="requests" label="Requests" count={waiting.value} counted="wait for you" />
        <Way to="channels" label="Channels" count={troubles.value} counted="not connected" />
        <Way to="plugins" label="Plugins" count={broken.value} counted="do not run" />
      </div>
    </nav>
  );
}
