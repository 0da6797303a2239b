/** Looking for what is not here yet, in the gateway's registries and among what Pincer brings. */
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { found, type Hit, look, search } from "./installing.ts";
import { Failed, NothingHere, Part, Typed } from "./panel.tsx";
import { mayChange, read } from "./plugins.ts";

/** What can be done with it, and what is so already. */
function standingOf({ kind, id, version, registry }: Hit): { readonly said?: string; readonly does?: string } {
  const { plugins = [], packages = [] } = read.value ?? {};
  const here = packages.find((one) => one.kind === kind && one.id === id);
  const own = kind === "plugins" ? plugins.find((one) => one.id === id) : undefined;
  if (registry === null && kind === "skills") return { said: "Comes with Pincer" };
  if (registry === null) return own?.state === "disabled" ? { does: "Turn on…" } : { said: "On" };
  if (here === undefined) return { does: "Install…" };
  const isNewer = version.localeCompare(here.version, "en", { numeric: true }) > 0;
  return { said: `${here.version} is installed`, ...(isNewer && { does: `Look at ${version}…` }) };
}

function HitCard({ hit }: { readonly hit: Hit }): VNode {
  const { kind, id, version, summary, source, registry, publisher } = hit;
  const { said, does } = standingOf(hit);
  const facts = [kind === "skills" ? "skill" : "plugin", source, ...(publisher === null ? [] : [`by ${publisher}`])];
  // Another registry may have the name, too.
  const typed = registry === null ? id : `${registry}/${id}`;
  return (
    <li class="card thing" aria-label={plainly(`${id} ${version}, found`)}>
      <p class="summary">
        <span class="head">
          <strong>{plainly(id)}</strong> <span class="version">{plainly(version)}</span>
        </span>
        {said !== undefined && <span class="standing good">{said}</span>}
        <span class="about">{plainly(summary)}</span>
        <span class="about">{plainly(facts.join(" · "))}</span>
      </p>
      {does !== undefined && mayChange.value && (
        <div class="actions">
          <button type="button" class="secondary" onClick={() => void look({ do: "install", packages: [typed], kind })}>
            {does}
          </button>
        </div>
      )}
    </li>
  );
}

export function Find(): VNode {
  const now = found.value;
  const [query, setQuery] = useState(now?.query ?? "");
  return (
    <>
      <search>
        <form
          class="find"
          onSubmit={(event) => {
            event.preventDefault();
            void search(query.trim());
          }}
        >
          <input
            type="search"
            aria-label="Find plugins and skills"
            placeholder="Find plugins and skills: calendar, telegram…"
            maxLength={200}
            autoComplete="off"
            value={query}
            onInput={({ currentTarget }) => {
              setQuery(currentTarget.value);
              if (currentTarget.value === "") void search("");
            }}
          />
          <button type="submit" class="primary">
            Search
          </button>
        </form>
      </search>
      {now !== undefined && (
        <Part title={`Found for “${now.query}”`}>
          {now.failure !== undefined && (
            <Failed failure={now.failure}>
              <button type="button" class="primary" onClick={() => void search(now.query)}>
                Try again
              </button>
            </Failed>
          )}
          {now.hits === undefined && now.failure === undefined && (
            <div class="skeleton" role="status" aria-label="Searching">
              <span />
              <span />
            </div>
          )}
          {now.hits?.length === 0 && (
            <NothingHere>
              <p>Nothing has these words.</p>
              <p>
                <Typed text="pincer registry list" /> shows where is looked, <Typed text="pincer registry add" /> adds a place.
              </p>
            </NothingHere>
          )}
          {now.unheard?.map(({ registry, why }) => (
            <p key={registry} class="note" role="status">
              {plainly(`${registry} did not answer, and was not searched: ${why}`)}
            </p>
          ))}
          {(now.hits?.length ?? 0) > 0 && (
            <ul class="hits">
              {now.hits?.map((hit) => (
                <HitCard key={`${hit.registry}/${hit.kind}/${hit.id}`} hit={hit} />
              ))}
            </ul>
          )}
        </Part>
      )}
    </>
  );
}
