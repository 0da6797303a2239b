/** What somebody sees who is not logged in. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { logIn } from "./state.ts";

export function Door({ reason }: { readonly reason: string }): VNode {
  const [token, setToken] = useState("");
  const enter = (event: Event) => {
    event.preventDefault();
    if (token.trim() !== "") logIn({ token: token.trim() });
  };
  return (
    <main class="door">
      <img src="/assets/icon.svg" alt="" width="56" height="56" />
      <h1>Log in to Pincer</h1>
      {reason !== "" && <p class="reason">{reason}</p>}
      <p>On the machine where the gateway runs, ask for a fresh link and open it here:</p>
      <pre class="command">./pincer up</pre>
      <form onSubmit={enter}>
        <label for="token">or paste the gateway's token</label>
        <div class="row">
          <input
            id="token"
            type="password"
            autoComplete="off"
            spellcheck={false}
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
          <button type="submit" class="primary" disabled={token.trim() === ""}>
            Log in
          </button>
        </div>
        <p class="hint">
          It stands in <code>~/.pincer/token</code>. This browser then keeps a key of its own, which you can revoke with{" "}
          <code>pincer devices</code>.
        </p>
      </form>
    </main>
  );
}
