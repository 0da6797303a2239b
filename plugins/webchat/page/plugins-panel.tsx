/** What the assistant can do: plugins and skills, what was installed and from where, what is wrong, and what to type then. */
import type { VNode } from "preact";
import { NothingHere, Panel, Part, Said, Typed } from "./panel.tsx";
import { failure, loadPlugins, type Package, type Plugin, read, type Skill } from "./plugins.ts";

type Tone = "good" | "bad" | "off";

const STANDINGS: Readonly<Record<string, readonly [Tone, string]>> = {
  active: ["good", "Runs"],
  idle: ["good", "Ready"],
  failed: ["bad", "Failed"],
  disabled: ["off", "Off"],
};

/** One line for each thing that it may. */
const grantsOf = (permissions: Plugin["permissions"]): readonly string[] =>
  Object.entries(permissions).flatMap(([name, granted]) =>
    (Array.isArray(granted) ? granted : Object.entries(granted as object).map(([key, value]) => `${key} ${String(value)}`)).map(
      (one) => `${name} ${typeof one === "string" ? one : JSON.stringify(one)}`,
    ),
  );

function heldBy({ isolation, enforced }: Plugin): string {
  if (isolation === "inline") return "It runs within the gateway, as a part of it; what it may is checked by name.";
  return enforced
    ? "It runs in a process of its own, and the system holds it to what it may."
    : "It has a process of its own when it runs, which the system holds to what it may where it can.";
}

/** Off by its owner's word; one that is revoked is off by its registry's, and says why. */
const isOff = ({ state, error }: Plugin): boolean => state === "disabled" && error === null;
const standingOf = ({ state, error }: Plugin): readonly [Tone, string] =>
  state === "disabled" && error !== null ? ["bad", "Stopped"] : (STANDINGS[state] ?? ["off", state]);
/** What is wrong stands first. */
const byUse = (one: Skill, other: Skill): number => Number(one.eligible) - Number(other.eligible);
const byTrouble = (one: Plugin, other: Plugin): number => Number(other.error !== null) - Number(one.error !== null);

function PluginRow({ plugin }: { readonly plugin: Plugin }): VNode {
  const [tone, said] = standingOf(plugin);
  const grants = grantsOf(plugin.permissions);
  return (
    <details class="card thing" open={plugin.error !== null}>
      <summary>
        <span class="head">
          <strong>{plugin.id}</strong> <span class="version">{plugin.version}</span>
        </span>
        <span class={`standing ${tone}`}>{said}</span>
        <span class="about">{plugin.summary}</span>
      </summary>
      {plugin.error !== null && (
        <p class="state failed">
          <Said text={plugin.error.message} />
        </p>
      )}
      <p class="about">{heldBy(plugin)}</p>
      {grants.length === 0 ? (
        <p class="about">It may nothing beside what it is for.</p>
      ) : (
        <ul class="read" aria-label="What it may">
          {grants.map((grant) => (
            <li key={grant}>
              <code>{grant}</code>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

function SkillRow({ skill }: { readonly skill: Skill }): VNode {
  return (
    <details class="card thing" open={!skill.eligible}>
      <summary>
        <strong class="head">{skill.name}</strong>
        <span class={`standing ${skill.eligible ? "good" : "off"}`}>{skill.eligible ? "Ready" : "Cannot be used"}</span>
        <span class="about">{skill.description}</span>
      </summary>
      {skill.reasons.map((reason) => (
        <p class="hint-line" key={reason}>
          <Said text={reason} />
        </p>
      ))}
    </details>
  );
}

function PackageCard({ one }: { readonly one: Package }): VNode {
  const { id, is, version, source, publisher, pinned, before, revoked, automatic } = one;
  const facts = [
    `${is} from ${source}`,
    ...(publisher === null ? [] : [`by ${publisher}`]),
    ...(pinned ? ["pinned"] : []),
    ...(before === null ? [] : [`${before} is kept`]),
  ];
  return (
    <section class="card thing" aria-label={`${id} ${version}`}>
      <p class="summary">
        <span class="head">
          <strong>{id}</strong> <span class="version">{version}</span>
        </span>
        {revoked !== null && <span class="standing bad">Revoked</span>}
        <span class="about">{facts.join(" · ")}</span>
      </p>
      {revoked !== null && (
        <p class="state failed" role="alert">
          <Said text={revoked} />
        </p>
      )}
      {automatic !== null && (
        <p class="hint-line">
          <Said text={automatic} />
        </p>
      )}
    </section>
  );
}

export function PluginsPanel(): VNode {
  const { plugins = [], skills = [], packages = [] } = read.value ?? {};
  const on = plugins.filter((plugin) => !isOff(plugin)).toSorted(byTrouble);
  const off = plugins.filter(isOff);
  return (
    <Panel
      title="Plugins and skills"
      about="What the assistant can do, what each part may, and where it came from."
      failure={failure.value}
      onRetry={() => void loadPlugins()}
    >
      {read.value === undefined && failure.value === undefined && (
        <div class="skeleton" aria-hidden="true">
          <span />
          <span />
        </div>
      )}
      {read.value !== undefined && (
        <>
          <Part title="Installed">
            {packages.map((one) => (
              <PackageCard key={`${one.kind}/${one.id}`} one={one} />
            ))}
            {packages.length === 0 && (
              <NothingHere>
                <p>Nothing was installed beside what this Pincer brings.</p>
                <p>
                  <Typed text="pincer search calendar" /> looks for more, and <Typed text="pincer install <name>" /> shows what it may do
                  before you say yes.
                </p>
              </NothingHere>
            )}
          </Part>
          {skills.length > 0 && (
            <Part title="Skills">
              {skills.toSorted(byUse).map((skill) => (
                <SkillRow key={skill.name} skill={skill} />
              ))}
            </Part>
          )}
          <Part title="Plugins">
            {on.map((plugin) => (
              <PluginRow key={plugin.id} plugin={plugin} />
            ))}
          </Part>
          {off.length > 0 && (
            <details class="part">
              <summary>
                Turned off ({off.length}); <Typed text="pincer plugins enable <id>" /> turns one on
              </summary>
              {off.map((plugin) => (
                <PluginRow key={plugin.id} plugin={plugin} />
              ))}
            </details>
          )}
        </>
      )}
    </Panel>
  );
}
