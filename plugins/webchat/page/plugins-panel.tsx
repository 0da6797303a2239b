/** What the assistant can do: what was installed and from where, plugins and skills, what is wrong, and all that can be done about it. */
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ComponentChildren, VNode } from "preact";
import { Find } from "./find.tsx";
import { look, outcome, review } from "./installing.ts";
import { Failed, Narrow, NothingHere, Panel, Part, Said, Typed } from "./panel.tsx";
import {
  canInstall,
  failure,
  installer,
  inWords,
  loadPlugins,
  loadWords,
  mayChange,
  type Package,
  type Plugin,
  read,
  type Skill,
  switching,
  switchPlugin,
} from "./plugins.ts";
import { Permissions, ReviewPanel } from "./review.tsx";

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

/** Whoever turned them off here could not turn them on here again. */
const NEEDED: ReadonlySet<string> = new Set(["webchat", "plugin-control"]);

function Switch({ plugin, isInstalled }: { readonly plugin: Plugin; readonly isInstalled: boolean }): VNode | null {
  const { id, origin, state } = plugin;
  const isBusy = switching.of(id) !== undefined && switching.of(id)?.error === undefined;
  if (!mayChange.value) return null;
  if (NEEDED.has(id))
    return (
      <p class="about">
        This page needs it. <Typed text={`pincer plugins disable ${id}`} /> turns it off.
      </p>
    );
  if (state !== "disabled")
    return (
      <button type="button" class="secondary" disabled={isBusy} onClick={() => void switchPlugin(id, false)}>
        Turn off
      </button>
    );
  // What Pincer brings is turned on as it is installed: with what it may, and with what it needs of others.
  const plans = !isInstalled && origin === "embedded" && canInstall.value;
  return (
    <button
      type="button"
      class="secondary"
      disabled={isBusy}
      onClick={() => void (plans ? look({ do: "install", packages: [`plugin:${id}`] }) : switchPlugin(id, true))}
    >
      {plans ? "Turn on…" : "Turn on"}
    </button>
  );
}

function About({ plugin, children }: { readonly plugin: Plugin; readonly children?: ComponentChildren }): VNode {
  const { id, version, error, permissions } = plugin;
  const progress = switching.of(id);
  const granted = grantsOf(permissions).map((permission) => ({ risk: "low" as const, permission, text: "" }));
  return (
    <>
      {error !== null && (
        <p class="state failed">
          <Said text={plainly(error.message)} />
        </p>
      )}
      {progress?.error !== undefined && <Failed failure={{ code: progress.code ?? "", message: progress.error }} />}
      <p class="about">{heldBy(plugin)}</p>
      <Permissions
        permissions={granted.length === 0 ? [] : (inWords.value.get(`${id} ${version}`) ?? granted)}
        nothing="It may nothing beside what it is for."
      />
      <div class="actions">{children}</div>
    </>
  );
}

function PluginRow({ plugin }: { readonly plugin: Plugin }): VNode {
  const [tone, said] = standingOf(plugin);
  return (
    <details
      class="card thing"
      open={plugin.error !== null}
      onToggle={({ currentTarget }) => void (currentTarget.open && loadWords(plugin))}
    >
      <summary>
        <span class="head">
          <strong>{plugin.id}</strong> <span class="version">{plugin.version}</span>
        </span>
        <span class={`standing ${tone}`}>{said}</span>
        <span class="about">{plainly(plugin.summary)}</span>
      </summary>
      <About plugin={plugin}>
        <Switch plugin={plugin} isInstalled={false} />
      </About>
    </details>
  );
}

function SkillRow({ skill }: { readonly skill: Skill }): VNode {
  return (
    <details class="card thing" open={!skill.eligible}>
      <summary>
        <strong class="head">{plainly(skill.name)}</strong>
        <span class={`standing ${skill.eligible ? "good" : "off"}`}>{skill.eligible ? "Ready" : "Cannot be used"}</span>
        <span class="about">{plainly(skill.description)}</span>
      </summary>
      {skill.reasons.map((reason) => (
        <p class="hint-line" key={reason}>
          <Said text={reason} />
        </p>
      ))}
    </details>
  );
}

function Actions({ one, plugin }: { readonly one: Package; readonly plugin: Plugin | undefined }): VNode {
  const { kind, id, before, revoked } = one;
  const isOpen = mayChange.value && canInstall.value;
  // A plugin and a skill may have one name.
  const plan = (what: "update" | "rollback" | "remove", label: string, tone: string) => (
    <button type="button" class={tone} onClick={() => void look({ do: what, packages: [`${kind.slice(0, -1)}:${id}`] })}>
      {plainly(label)}
    </button>
  );
  return (
    <>
      {isOpen && plan("update", "Update…", "secondary")}
      {isOpen && before !== null && plan("rollback", `Go back to ${before}…`, revoked === null ? "secondary" : "primary")}
      {plugin !== undefined && revoked === null && <Switch plugin={plugin} isInstalled />}
      {isOpen && plan("remove", "Remove…", "secondary deny")}
    </>
  );
}

function PackageCard({ one, plugin }: { readonly one: Package; readonly plugin: Plugin | undefined }): VNode {
  const { kind, id, is, version, source, publisher, pinned, before, revoked, automatic } = one;
  const facts = [
    `${is} from ${source}`,
    ...(publisher === null ? [] : [`by ${publisher}`]),
    ...(pinned ? ["pinned"] : []),
    ...(before === null ? [] : [`${before} is kept`]),
  ];
  const isBad = revoked !== null || (plugin?.error ?? null) !== null;
  const [tone, said] = revoked !== null ? (["bad", "Revoked"] as const) : plugin === undefined ? ["good", "Ready"] : standingOf(plugin);
  return (
    <details
      class="card thing"
      aria-label={`${id} ${version}`}
      open={isBad}
      onToggle={({ currentTarget }) => void (currentTarget.open && plugin !== undefined && loadWords(plugin))}
    >
      <summary>
        <span class="head">
          <strong>{plainly(id)}</strong> <span class="version">{version}</span>
        </span>
        {(kind === "plugins" || revoked !== null) && <span class={`standing ${tone}`}>{said}</span>}
        <span class="about">{plainly(facts.join(" · "))}</span>
        {automatic !== null && (
          <span class="about">
            <Said text={plainly(automatic)} />
          </span>
        )}
      </summary>
      {revoked !== null && (
        <p class="state failed" role="alert">
          <Said text={plainly(revoked)} />
        </p>
      )}
      {plugin === undefined ? (
        <div class="actions">
          <Actions one={one} plugin={plugin} />
        </div>
      ) : (
        <>
          {plugin.summary !== "" && <p>{plainly(plugin.summary)}</p>}
          <About plugin={revoked === null ? plugin : { ...plugin, error: null }}>
            <Actions one={one} plugin={plugin} />
          </About>
        </>
      )}
    </details>
  );
}

function Done(): VNode | null {
  const now = outcome.value;
  if (now === undefined) return null;
  return (
    <div class="card done" role="status">
      {now.lines.map((line) => (
        <p key={line}>{plainly(line)}</p>
      ))}
      {now.next.map((next) => (
        <p class="hint-line" key={next}>
          To do: <Said text={plainly(next)} />
        </p>
      ))}
    </div>
  );
}

function Installed({ packages, plugins }: { readonly packages: readonly Package[]; readonly plugins: readonly Plugin[] }): VNode {
  return (
    <Part
      title="Installed"
      action={
        packages.length > 0 &&
        mayChange.value &&
        canInstall.value && (
          <button type="button" class="link" onClick={() => void look({ do: "update" })}>
            Look for updates
          </button>
        )
      }
    >
      {packages.map((one) => (
        <PackageCard
          key={`${one.kind}/${one.id}`}
          one={one}
          plugin={one.kind === "plugins" ? plugins.find(({ id }) => id === one.id) : undefined}
        />
      ))}
      {packages.length === 0 && (
        <NothingHere>
          <p>Nothing was installed beside what this Pincer brings.</p>
          {mayChange.value && <p>Look for something above. Before you say yes, you see what it may do.</p>}
        </NothingHere>
      )}
    </Part>
  );
}

export function PluginsPanel(): VNode {
  if (review.value !== undefined) return <ReviewPanel now={review.value} />;
  const { plugins = [], skills = [], packages = [] } = read.value ?? {};
  const own = plugins.filter(({ id }) => !packages.some((one) => one.kind === "plugins" && one.id === id));
  const on = own.filter((plugin) => !isOff(plugin)).toSorted(byTrouble);
  const off = own.filter(isOff);
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
          {!mayChange.value && <Narrow cannot="install, change or remove anything here" />}
          <Done />
          {canInstall.value ? (
            <Find />
          ) : (
            <p class="note">
              Nothing can be looked for or installed while the plugin {installer} is off.
              {mayChange.value && " Turn it on below."}
            </p>
          )}
          <Installed packages={packages} plugins={plugins} />
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
              <summary>Turned off ({off.length})</summary>
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
