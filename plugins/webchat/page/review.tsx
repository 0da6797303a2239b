/** A plan, as somebody reads it before saying yes; then what becomes of it. */
import { plainly, withoutControls } from "@pincer/plugin-sdk/command/plain";
import type { ComponentChildren, VNode } from "preact";
import {
  accept,
  carryOut,
  changes,
  giveUp,
  leave,
  loadVersions,
  look,
  type ModelText,
  type Notice,
  type PlanItem,
  type Review,
  review,
  type Step,
  unanswered,
  yesOf,
} from "./installing.ts";
import { Failed, Panel, Part } from "./panel.tsx";
import type { Permission } from "./plugins.ts";
import { standing } from "./state.ts";

const VERBS: Readonly<Record<PlanItem["action"], string>> = {
  install: "Install",
  enable: "Turn on",
  update: "Update",
  rollback: "Go back",
  remove: "Remove",
  disable: "Turn off",
  restore: "Restore",
  keep: "Keep",
};
const BRINGS: ReadonlySet<string> = new Set(["install", "enable", "update", "rollback", "restore"]);

const sizeOf = (bytes: number): string =>
  bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
const counted = (count: number, one: string): string => `${count.toLocaleString()} ${one}${count === 1 ? "" : "s"}`;

const titleOf = ({ kind, id, action, from, to }: PlanItem): string =>
  plainly(
    [
      VERBS[action],
      ...(action === "rollback" ? ["with"] : []),
      ...(kind === "skills" ? ["the skill"] : []),
      id,
      from !== undefined && to !== undefined && from !== to ? `${from} → ${to}` : (to ?? from ?? ""),
    ].join(" "),
  );

function Facts({ item }: { readonly item: PlanItem }): VNode {
  const { source, size, files = 0, dependencies = 0, publisher, requires = [], reads, action } = item;
  const facts: (readonly [string, ComponentChildren])[] = [["From", plainly(source)]];
  if (publisher !== undefined)
    facts.push([
      "Signed by",
      <>
        <strong>{plainly(publisher.name)}</strong>
        {publisher.threshold > 1 && `, ${publisher.threshold} of these keys`}
        {publisher.fingerprints.map((key) => (
          <code key={key}>{key}</code>
        ))}
      </>,
    ]);
  if (size !== undefined && action !== "keep")
    facts.push([
      "Size",
      `${sizeOf(size)} in ${counted(files, "file")}${dependencies > 0 ? `, and ${counted(dependencies, "package")} of others` : ""}`,
    ]);
  if (requires.length > 0) facts.push(["It needs", plainly(requires.join(", "))]);
  if (reads !== undefined && action !== "keep")
    facts.push([
      "The model reads",
      `${counted(reads.eachTurn, "token")} in each turn, ${counted(reads.whenUsed, "token")} when it is used`,
    ]);
  return (
    <dl class="facts">
      {facts.map(([name, said]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{said}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Permissions(props: {
  readonly permissions: readonly Permission[];
  readonly gained?: readonly string[];
  readonly lost?: readonly string[];
  readonly nothing: string;
}): VNode {
  const { permissions, gained = [], lost = [], nothing } = props;
  if (permissions.length + lost.length === 0) return <p class="about">{nothing}</p>;
  return (
    <ul class="grants" aria-label="What it may">
      {permissions.map(({ risk, permission, text }) => (
        <li key={permission}>
          {gained.includes(permission) && <b class="mark">new</b>}
          {risk === "high" && <b class="mark risky">risky</b>}
          {plainly(text)} <code>{plainly(permission)}</code>
        </li>
      ))}
      {lost.map((permission) => (
        <li key={permission} class="lost">
          <b class="mark">no longer</b>
          <code>{plainly(permission)}</code>
        </li>
      ))}
    </ul>
  );
}

/** The lines that are not in both, those that are gone first. */
function Differences({ before = "", after = "" }: Pick<ModelText, "before" | "after">): VNode {
  const [was, is] = [withoutControls(before).split("\n"), withoutControls(after).split("\n")];
  const [known, kept] = [new Set(was), new Set(is)];
  const [gone, come] = [was.filter((line) => !kept.has(line)), is.filter((line) => !known.has(line))];
  if (gone.length + come.length === 0) return <p class="about">The same lines, in another order or number.</p>;
  return (
    <pre>
      {gone.map((line, index) => (
        <del key={index}>{`- ${line}\n`}</del>
      ))}
      {come.map((line, index) => (
        <ins key={index}>{`+ ${line}\n`}</ins>
      ))}
    </pre>
  );
}

function Told({ one, isChange }: { readonly one: ModelText; readonly isChange: boolean }): VNode {
  const { what, before, after = "" } = one;
  return (
    <details class="asked" open={isChange}>
      <summary>
        {plainly(what)}
        {!isChange && `: ${plainly(after.split("\n")[0] ?? "")}`}
      </summary>
      {isChange ? (
        <Differences {...(before !== undefined && { before })} after={after} />
      ) : (
        <pre tabIndex={0} aria-label={`What the model is told of ${plainly(what)}`}>
          {withoutControls(after)}
        </pre>
      )}
    </details>
  );
}

function Finding({ one }: { readonly one: Notice }): VNode {
  return (
    <li class={one.level}>
      {one.finding !== undefined && <b class="mark">{one.finding === "new" ? "new" : "as before"}</b>}
      {plainly(one.text)}
    </li>
  );
}

function Item({ item, alone }: { readonly item: PlanItem; readonly alone: boolean }): VNode {
  const { action, summary, permissions, gained, lost, modelText, notices, from } = item;
  const isChange = from !== undefined && action !== "restore";
  const look = notices.filter(({ level }) => level !== "yes");
  return (
    <section class="card plan" aria-label={titleOf(item)}>
      {!alone && <h3>{titleOf(item)}</h3>}
      {summary !== "" && <p>{plainly(summary)}</p>}
      <Facts item={item} />
      {BRINGS.has(action) && (
        <>
          <h4>What it may</h4>
          <Permissions
            {...{ permissions, gained, lost }}
            nothing={item.kind === "skills" ? "While it is used, no tool is called for it." : "Nothing beyond its own folder."}
          />
        </>
      )}
      {modelText.length > 0 && (
        <>
          <h4>{isChange ? "What changes in what the model is told" : "What the model is told"}</h4>
          {modelText.map((one) => (
            <Told key={one.what} one={one} isChange={isChange} />
          ))}
        </>
      )}
      {look.length > 0 && (
        <>
          <h4>To be known</h4>
          <ul class="grants">
            {look.map((one, index) => (
              <Finding key={index} one={one} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** Each its own: what may more than before, comes from somebody else, or is something that hardly anybody means well. */
function Needs({
  items,
  accepted,
  isBusy,
}: {
  readonly items: readonly PlanItem[];
  readonly accepted: ReadonlySet<string>;
  readonly isBusy: boolean;
}) {
  const all = items.flatMap((item) => item.needs.map((need) => ({ item, need, yes: yesOf(item, need) })));
  if (all.length === 0) return null;
  const saidOf = ({ permissions, notices }: PlanItem, need: string) =>
    permissions.find(({ permission }) => permission === need)?.text ?? notices.find(({ code }) => code === need)?.text;
  return (
    <fieldset class="card needs" disabled={isBusy}>
      <legend>{all.length === 1 ? "This needs your yes" : "Each of these needs your yes"}</legend>
      {all.map(({ item, need, yes }) => (
        <label key={yes}>
          <input type="checkbox" checked={accepted.has(yes)} onChange={({ currentTarget }) => accept(yes, currentTarget.checked)} />
          <span>
            {items.length > 1 && <strong>{plainly(item.id)}: </strong>}
            {plainly(saidOf(item, need) ?? "")} <code>{plainly(need)}</code>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const STEPS: Readonly<Record<string, readonly [share: number, said: string]>> = {
  waiting: [0, "Waits for"],
  fetching: [1, "Fetching"],
  staging: [2, "Laying it out beside its place"],
  dependencies: [3, "Fetching what it needs of others:"],
  removing: [4, "Taking it away"],
  placing: [4, "Putting it in its place"],
  configuring: [5, "Writing its settings"],
  trying: [6, "Starting it, beside what runs, to see whether it is well"],
  settled: [7, "It is well, and takes its place"],
  locked: [8, "Writing down what is installed"],
  done: [9, "Done"],
  undone: [9, "It is taken back:"],
};
const LAST = 9;

function Progress({ step, said }: { readonly step: Step | undefined; readonly said: string }): VNode {
  const [share, words] = step === undefined ? [0, said] : (STEPS[step.step] ?? [0, step.step]);
  // What else an installer says of packages is of no use to whoever waits.
  const isPackage = step?.step !== "dependencies" || /^\S+ \d+\.\d\S*$/.test(step.detail ?? "");
  const withDetail = isPackage && (words.endsWith(":") || step?.step === "waiting" || step?.step === "fetching");
  return (
    <div class="card under-way" role="status">
      <p>
        {plainly(step === undefined ? said : [step.id, `${words} ${withDetail ? (step.detail ?? "") : ""}`.replace(/:? $/, "")].join(": "))}
      </p>
      <progress aria-label="How far it is" max={LAST} {...(share > 0 && { value: share })} />
    </div>
  );
}

function Versions({ item, versions }: { readonly item: PlanItem; readonly versions: Review["versions"] }): VNode | null {
  const { asked } = review.value!;
  const [typed = ""] = asked.packages ?? [];
  if (asked.do !== "install" || !item.source.startsWith("registry ")) return null;
  if (versions === undefined)
    return (
      <button type="button" class="secondary" onClick={() => void loadVersions(item)}>
        Other versions
      </button>
    );
  if (versions.length < 2) return <span class="about">There is no other version.</span>;
  const [whole = ""] = typed.split("@");
  return (
    <label class="versions">
      Version{" "}
      <select
        value={item.to}
        onChange={({ currentTarget }) => void look({ ...asked, packages: [`${whole}@${currentTarget.value}`] }, versions)}
      >
        {versions.map(({ version, publishedAt, yanked }) => (
          <option key={version} value={version}>
            {version}, {publishedAt.slice(0, 10)}
            {yanked === null ? "" : ", taken back"}
          </option>
        ))}
      </select>
    </label>
  );
}

const headOf = ({ asked, at, plan }: Review): string => {
  const [typed] = asked.packages ?? [];
  const [only, ...more] = changes.value;
  if (only !== undefined && more.length === 0) return titleOf(only);
  if (only !== undefined) return `Update ${more.length + 1} packages`;
  if (plan !== undefined && at === "shown") return "Nothing to do";
  return typed === undefined ? "Updates" : plainly(typed);
};

function Doing({ now }: { readonly now: Review }): VNode {
  const { asked, at, versions, step } = now;
  const items = changes.value;
  const [only] = items;
  const isGone = standing.value.state !== "connected";
  const missing = unanswered.value;
  const isRemoval = items.every(({ action }) => action === "remove" || action === "disable");
  const label = items.length > 1 ? `Update all ${items.length}` : VERBS[only?.action ?? "keep"];
  if (at === "applying")
    return (
      <>
        <Progress step={step} said="It begins…" />
        <div class="actions">
          <button type="button" class="secondary" onClick={giveUp}>
            Stop
          </button>
          <p class="about">Leave this page open until it is done: what it began ends with it, and is taken back.</p>
        </div>
      </>
    );
  return (
    <>
      {asked.do === "remove" && only?.kind === "plugins" && (
        <label class="card needs">
          <input
            type="checkbox"
            checked={asked.data === true}
            onChange={({ currentTarget }) => void look({ ...asked, data: currentTarget.checked })}
          />
          <span>Delete what it kept, too. That does not come back.</span>
        </label>
      )}
      <div class="actions">
        <button
          type="button"
          class={isRemoval ? "secondary deny sure" : "primary"}
          aria-disabled={missing > 0 || isGone}
          aria-describedby={missing > 0 ? "missing" : undefined}
          // The second click of a double click read nothing.
          onClick={({ detail }) => {
            if (detail > 1 || isGone) return;
            if (missing > 0) document.querySelector<HTMLElement>(".needs input:not(:checked)")?.focus();
            else void carryOut();
          }}
        >
          {label}
        </button>
        <button type="button" class="secondary" onClick={leave}>
          Cancel
        </button>
        {only !== undefined && items.length === 1 && <Versions item={only} versions={versions} />}
      </div>
      {missing > 0 && (
        <p class="note" id="missing" role="status">
          {missing === 1 ? "One thing above has no yes yet." : `${missing} things above have no yes yet.`}
        </p>
      )}
    </>
  );
}

export function ReviewPanel({ now }: { readonly now: Review }): VNode {
  const { asked, at, plan, failure, step, accepted } = now;
  const kept = (plan?.items ?? []).filter(({ action, notices }) => action === "keep" && notices.length > 0);
  const isShown = plan !== undefined && at !== "planning";
  return (
    <Panel title={headOf(now)} about="Nothing is changed before you say so." failure={undefined} onRetry={leave}>
      {at === "planning" && (
        <>
          <Progress step={step} said={asked.packages === undefined ? "Asking what is new…" : "Looking at what that would do…"} />
          <div class="actions">
            <button type="button" class="secondary" onClick={giveUp}>
              Cancel
            </button>
          </div>
        </>
      )}
      {isShown && changes.value.map((item) => <Item key={yesOf(item, "")} item={item} alone={changes.value.length === 1} />)}
      {isShown && kept.length > 0 && (
        <Part title="Stays as it is">
          {kept.map((item) => (
            <section class="card" key={yesOf(item, "")}>
              <strong>{plainly(item.id)}</strong>
              <ul class="grants">
                {item.notices.map((one, index) => (
                  <Finding key={index} one={one} />
                ))}
              </ul>
            </section>
          ))}
        </Part>
      )}
      {isShown && changes.value.length === 0 && at === "shown" && (
        <div class="actions">
          <button type="button" class="secondary" onClick={leave}>
            Back
          </button>
          <p class="about">It is so already: nothing would change.</p>
        </div>
      )}
      {isShown && changes.value.length > 0 && at !== "failed" && (
        <>
          <Needs items={changes.value} accepted={accepted} isBusy={at === "applying"} />
          <Doing now={now} />
        </>
      )}
      {failure !== undefined && (
        <Failed failure={failure}>
          <button type="button" class="primary" onClick={() => void look(asked)}>
            Look again
          </button>
          <button type="button" class="secondary" onClick={leave}>
            Back
          </button>
        </Failed>
      )}
    </Panel>
  );
}
