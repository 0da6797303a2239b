import { effect } from "@preact/signals";
import { render, type VNode } from "preact";
import { ChannelsPanel } from "./channels-panel.tsx";
import { Composer } from "./composer.tsx";
import { Door } from "./door.tsx";
import { PluginsPanel } from "./plugins-panel.tsx";
import { callsHere, toolCalls, waiting } from "./requests.ts";
import { RequestsPanel } from "./requests-panel.tsx";
import { Sidebar } from "./sidebar.tsx";
import { drawer, logIn, openView, standing, view } from "./state.ts";
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

/** A call that waits in another conversation than the one that is looked at. */
function Elsewhere(): VNode | null {
  const others = (toolCalls.value?.length ?? 0) - callsHere.value.length;
  if (view.value !== "conversation" || others <= 0) return null;
  return (
    <p class="banner asks">
      {others === 1 ? "A tool call waits for your word elsewhere." : `${others} tool calls wait for your word elsewhere.`}
      <button type="button" class="link" onClick={() => openView("requests")}>
        Show
      </button>
    </p>
  );
}

/** Said aloud once, wherever the reader is: the card itself takes no focus, so that nobody answers it by a key that was meant for a message. */
function Announcement(): VNode {
  const newest = toolCalls.value?.at(-1);
  return (
    <p class="visually-hidden" role="alert">
      {newest === undefined ? "" : `A tool call waits for your word: may I run ${newest.tool}?`}
    </p>
  );
}

function Main(): VNode {
  if (view.value === "requests") return <RequestsPanel />;
  if (view.value === "channels") return <ChannelsPanel />;
  if (view.value === "plugins") return <PluginsPanel />;
  return (
    <>
      <Thread />
      <Composer />
    </>
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
          class={waiting.value > 0 ? "quiet menu calls" : "quiet menu"}
          aria-label={waiting.value > 0 ? `Conversations; ${waiting.value} requests wait for you` : "Conversations"}
          onClick={() => {
            drawer.value = !drawer.value;
          }}
        >
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d="M3 6h14M3 10h14M3 14h14" stroke="currentColor" stroke-width="1.600" stroke-linecap="round" />
          </svg>
        </button>
        <div class="banners">
          <Banner />
          <Elsewhere />
        </div>
        <Announcement />
        <Main />
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

/** Where the address of one request leads (`approval.get` says it). */
if (location.pathname.startsWith("/approve/")) openView("requests");

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
const code = loginCode();
logIn(code === undefined ? undefined : { bootstrapToken: code });
window.addEventListener("hashchange", () => {
  const fresh = loginCode();
  if (fresh !== undefined) logIn({ bootstrapToken: fresh });
});
