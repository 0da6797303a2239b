/** A conversation in the list; the one that is open can be given another name, or be deleted. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { createProgress } from "./progress.ts";
import { current, deleteSession, openSession, type SessionRow as Row, renameSession, scopes, view } from "./state.ts";
import { titleOf } from "./titles.ts";

const DAY = 86_400_000;

function when(at: number | null | undefined): string {
  if (!at) return "";
  const date = new Date(at);
  const age = Date.now() - at;
  if (age < DAY && date.getDate() === new Date().getDate())
    return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString(undefined, age < 300 * DAY ? { month: "short", day: "numeric" } : { year: "numeric", month: "short" });
}

const changing = createProgress();

function Change({ row, onEnd }: { readonly row: Row; readonly onEnd: () => void }): VNode {
  const [name, setName] = useState(row.label ?? "");
  const [sure, setSure] = useState(false);
  const progress = changing.of(row.key);
  const isBusy = progress !== undefined && progress.error === undefined;
  const does = async (work: () => Promise<unknown>) => {
    await changing.run(row.key, work, async () => undefined);
    if (changing.of(row.key) === undefined) onEnd();
  };
  return (
    <form
      class="change"
      onSubmit={(event) => {
        event.preventDefault();
        void does(() => renameSession(row.key, name.trim()));
      }}
      onKeyDown={(event) => event.key === "Escape" && onEnd()}
    >
      <input
        aria-label="Name"
        placeholder={titleOf({ ...row, label: null })}
        maxLength={120}
        autoComplete="off"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <div class="actions">
        <button type="submit" class="secondary" disabled={isBusy}>
          Rename
        </button>
        {row.isMain !== true && scopes.value.has("operator.admin") && (
          <button
            type="button"
            class={sure ? "secondary deny sure" : "secondary deny"}
            disabled={isBusy}
            onBlur={() => setSure(false)}
            // The second click of a double click is no second thought.
            onClick={({ detail }) => (sure ? detail < 2 && void does(() => deleteSession(row.key)) : setSure(true))}
          >
            {sure ? "Delete for good" : "Delete"}
          </button>
        )}
      </div>
      {progress?.error !== undefined && (
        <p class="state failed" role="alert">
          That did not work: {progress.error}
        </p>
      )}
    </form>
  );
}

export function SessionRow({ row }: { readonly row: Row }): VNode {
  const [isChanging, setChanging] = useState(false);
  const isHere = view.value === "conversation" && row.key === current.value;
  return (
    <li>
      <div class="session-line">
        <button
          type="button"
          class={isHere ? "session here" : "session"}
          aria-current={isHere ? "page" : undefined}
          onClick={() => openSession(row.key)}
        >
          <span class="title">{titleOf(row)}</span>
          {row.hasActiveRun === true ? <span class="pulse" title="Working" /> : <time>{when(row.updatedAt)}</time>}
        </button>
        {isHere && scopes.value.has("operator.write") && (
          <button
            type="button"
            class="quiet"
            title="Rename or delete"
            aria-label="Rename or delete"
            aria-expanded={isChanging}
            onClick={() => setChanging(!isChanging)}
          >
            <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
              <path d="M5 10h.01M10 10h.01M15 10h.01" stroke="currentColor" stroke-width="2.600" stroke-linecap="round" />
            </svg>
          </button>
        )}
      </div>
      {isHere && isChanging && <Change row={row} onEnd={() => setChanging(false)} />}
    </li>
  );
}
