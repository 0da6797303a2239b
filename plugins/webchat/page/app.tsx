import { effect } from "@preact/signals";
import { render, type VNode } from "preact";
import { Composer } from "./composer.tsx";
import { Door } from "./door.tsx";
import { Sidebar } from "./sidebar.tsx";
import { drawer, logIn, standing } from "./state.ts";
import { Thread } from "./thread.tsx";

function Banner(): VNode | null {
  const { state } = standing.value;
  if (state === "connected") return null;
  return (
    <p class="banner" role="status">
      {state === "offline" ? (
        <>
          The gateway does not answer. Trying again… If it was stopped: <code>./pincer up</code>
        </>
      ) : (
        "Connecting…"
      )}
    </p>
  );
}

function App(): VNode {
  const now = standing.value;
  if (now.state === "locked") return <Door reason={now.reason} />;
  return (
    <div class="app">
      <Sidebar />
      {drawer.value && (
        <button
          type="button"
          class="scrim"
          aria-label="Close the list of conversations"
          onClick={() => {
            drawer.value = false;
          }}
        />
      )}
      <main>
        <button
          type="button"
          class="quiet menu"
          aria-label="Conversations"
          onClick={() => {
            drawer.value = !drawer.value;
          }}
        >
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d="M3 6h14M3 10h14M3 14h14" stroke="currentColor" stroke-width="1.600" stroke-linecap="round" />
          </svg>
        </button>
        <Banner />
        <Thread />
        <Composer />
      </main>
    </div>
  );
}

/** The one-time code of a login link stands in the fragment, which no server or log sees. */
const loginCode = (): string | undefined => /^#login=([\w.~-]+)$/.exec(location.hash)?.[1];

/** It stays in the address until this browser keeps a token of its own, or was refused: a page that is reloaded in between uses it again. */
effect(() => {
  const { state } = standing.value;
  if ((state === "connected" || state === "locked") && loginCode() !== undefined) window.history.replaceState(null, "", location.pathname);
});

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
const code = loginCode();
logIn(code === undefined ? undefined : { bootstrapToken: code });
window.addEventListener("hashchange", () => {
  const fresh = loginCode();
  if (fresh !== undefined) logIn({ bootstrapToken: fresh });
});
