/** All that waits for the owner, with the buttons that answer it. */
import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { ApprovalCard } from "./approval.tsx";
import { Narrow, NothingHere, Panel, Part, Typed } from "./panel.tsx";
import {
  type Applicant,
  type AskingDevice,
  answering,
  applicants,
  beOwner,
  devices,
  failure,
  type Grant,
  grants,
  hasOwner,
  isStill,
  letIn,
  listed,
  loadRequests,
  maySee,
  OWNER,
  pair,
  rest,
  takeBack,
  toolCalls,
  turnDown,
  waiting,
} from "./requests.ts";
import { scopes, serves } from "./state.ts";
import { titleOfKey } from "./titles.ts";

const POWERS: Readonly<Record<string, string>> = {
  "operator.admin": "change everything, as you",
  "operator.write": "write to the assistant",
  "operator.read": "read along",
  "operator.approvals": "answer what tools ask",
  "operator.pairing": "let others in",
};

/** What makes a button one that answers, once what is shown stands still. */
type Answers = (answer: () => Promise<void>) => { readonly "aria-disabled": boolean; onClick(): void };

function Card(props: {
  readonly id: string;
  readonly title: ComponentChildren;
  readonly children: ComponentChildren;
  readonly actions: (answers: Answers) => ComponentChildren;
}): VNode {
  const { id, title, children, actions } = props;
  const progress = answering.of(id);
  const isBusy = progress !== undefined && progress.error === undefined;
  const heading = `request-${id}`;
  useLayoutEffect(rest, [listed.value]);
  const answers: Answers = (answer) => ({
    "aria-disabled": isBusy || !isStill.value,
    onClick: () => {
      if (!isBusy && isStill.value) void answer();
    },
  });
  return (
    <section class="card" aria-labelledby={heading} aria-busy={isBusy}>
      <h3 id={heading}>{title}</h3>
      {children}
      {progress?.error !== undefined && (
        <p class="state failed" role="alert">
          Not answered: {progress.error}
        </p>
      )}
      <div class="actions">{actions(answers)}</div>
    </section>
  );
}

function Person({ one }: { readonly one: Applicant }): VNode {
  return (
    <Card
      id={one.requestId}
      title={one.name ?? one.id}
      actions={(answers) => (
        <>
          <button type="button" class="primary" {...answers(() => letIn(one))}>
            Approve
          </button>
          <button type="button" class="secondary deny" {...answers(() => turnDown(one))}>
            Deny
          </button>
        </>
      )}
    >
      <p>
        {one.kind === "group" ? "A group" : "Somebody"} on {one.channel}
        {one.accountId === "default" ? "" : `, account ${one.accountId}`}, with the id <code>{one.id}</code>. Anybody can take a name: if
        you expect somebody, ask them for their code.
      </p>
      <p class="about">
        {one.kind === "group"
          ? "The assistant would answer there when it is named, without your tools and your files."
          : "They could write to the assistant in a conversation of their own, without your tools and your files."}
      </p>
    </Card>
  );
}

/** As long as the gateway knows no account of the owner's on any channel. */
function FirstOwner(): VNode {
  const [code, setCode] = useState("");
  const progress = answering.of(OWNER);
  const isBusy = progress !== undefined && progress.error === undefined;
  return (
    <section class="card" aria-labelledby="first-owner">
      <h3 id="first-owner">Is one of them you?</h3>
      <p>Type the code that the assistant gave you there. From then on that account is yours: it may do what you may do here.</p>
      <form
        class="code-form"
        onSubmit={(event) => {
          event.preventDefault();
          void beOwner(code.trim());
        }}
      >
        <input
          aria-label="Your code"
          autoComplete="off"
          spellcheck={false}
          maxLength={12}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
        <button type="submit" class="secondary" disabled={isBusy || code.trim() === ""}>
          That is me
        </button>
      </form>
      {progress?.error !== undefined && (
        <p class="state failed" role="alert">
          Not done: {progress.error}
        </p>
      )}
    </section>
  );
}

function Granted({ one }: { readonly one: Grant }): VNode {
  const progress = answering.of(`${one.sessionKey} ${one.tool}`);
  return (
    <div class="card row-line">
      <span>
        <code>{one.tool}</code> in <strong>{titleOfKey(one.sessionKey)}</strong>
        {progress?.error !== undefined && <span class="state failed"> {progress.error}</span>}
      </span>
      <button type="button" class="secondary" disabled={progress !== undefined} onClick={() => void takeBack(one)}>
        Take back
      </button>
    </div>
  );
}

function Device({ one }: { readonly one: AskingDevice }): VNode {
  const powers = one.scopes.flatMap((scope) => POWERS[scope] ?? []);
  return (
    <Card
      id={one.requestId}
      title={one.displayName ?? one.clientId ?? "A device"}
      actions={(answers) => (
        <>
          <button type="button" class="primary" {...answers(() => pair(one, "approve"))}>
            Approve
          </button>
          <button type="button" class="secondary deny" {...answers(() => pair(one, "reject"))}>
            Deny
          </button>
        </>
      )}
    >
      <p>
        {[one.clientId, one.platform, one.remoteIp === undefined ? undefined : `from ${one.remoteIp}`].filter(Boolean).join(", ")}. It knows
        the gateway's secret.
      </p>
      <p class="about">
        {one.role === "node"
          ? "It would be a node: a machine that the assistant may use."
          : `It would ${powers.length === 0 ? "see that the gateway is there" : powers.join(", ")}.`}
      </p>
    </Card>
  );
}

export function RequestsPanel(): VNode {
  const calls = toolCalls.value ?? [];
  const people = applicants.value ?? [];
  const asking = devices.value ?? [];
  return (
    <Panel
      title="Requests"
      about="What waits for your word. Nobody else can give it."
      failure={failure.value}
      onRetry={() => void loadRequests()}
    >
      {!(maySee.toolCalls.value && maySee.people.value) && <Narrow cannot="answer all requests" />}
      {calls.length > 0 && (
        <Part title="Tool calls">
          {calls.map((call) => (
            <ApprovalCard key={call.id} call={call} named />
          ))}
        </Part>
      )}
      {people.length > 0 && (
        <Part title="People and groups">
          {!hasOwner.value && scopes.value.has("operator.admin") && <FirstOwner />}
          {people.map((one) => (
            <Person key={one.requestId} one={one} />
          ))}
        </Part>
      )}
      {asking.length > 0 && (
        <Part title="Devices">
          {asking.map((one) => (
            <Device key={one.requestId} one={one} />
          ))}
        </Part>
      )}
      {grants.value.length > 0 && (
        <Part title="Allowed from now on">
          {grants.value.map((one) => (
            <Granted key={`${one.sessionKey} ${one.tool}`} one={one} />
          ))}
        </Part>
      )}
      {waiting.value === 0 && failure.value === undefined && (
        <NothingHere>
          <p>Nothing waits for you.</p>
          <p>
            Here stands what the assistant may not do without your word once it has read what you did not write, who wants to write to it on
            a channel, and which devices want to connect.
          </p>
          {maySee.toolCalls.value && !serves("approvals.list") && (
            <p>
              Tools ask nobody now: <Typed text="pincer plugins enable approvals" />
            </p>
          )}
        </NothingHere>
      )}
    </Panel>
  );
}
