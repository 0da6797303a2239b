/** The list of sessions. */
import type { VNode } from "preact";
import { agentName, current, drawer, newSession, openSession, type SessionRow, sessions } from "./state.ts";

const titleOf = (row: SessionRow) =>
  row.label ??
  (row.isMain === true || row.key.endsWith(":main")
    ? "Main"
    : (row.displayName ?? row.derivedTitle ?? row.lastMessagePreview ?? "New conversation"));

const DAY = 86_400_000;

function when(at: number | null | undefined): string {
  if (!at) return "";
  const date = new Date(at);
  const age = Date.now() - at;
  if (age < DAY && date.getDate() === new Date().getDate())
    return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString(undefined, age < 300 * DAY ? { month: "short", day: "numeric" } : { year: "numeric", month: "short" });
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
          <li key={row.key}>
            <button
              type="button"
              class={row.key === current.value ? "session here" : "session"}
              aria-current={row.key === current.value ? "page" : undefined}
              onClick={() => openSession(row.key)}
            >
              <span class="title">{titleOf(row)}</span>
              {row.hasActiveRun === true ? <span class="pulse" title="Working" /> : <time>{when(row.updatedAt)}</time>}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
