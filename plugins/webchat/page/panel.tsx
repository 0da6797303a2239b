/** What stands in place of a conversation. */
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Failure, openView } from "./state.ts";

interface PanelProps {
  readonly title: string;
  readonly about: string;
  readonly action?: ComponentChildren;
  readonly failure: string | undefined;
  readonly onRetry: () => void;
  readonly children: ComponentChildren;
}

export function Panel({ title, about, action, failure, onRetry, children }: PanelProps): VNode {
  const heading = useRef<HTMLHeadingElement>(null);
  // Who came here by the keyboard reads on from here.
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="panel">
      <div class="column">
        <header class="panel-head">
          <div>
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            <p>{about}</p>
          </div>
          <div class="panel-acts">
            {action}
            <button
              type="button"
              class="quiet"
              title="Back to the conversation"
              aria-label="Back to the conversation"
              onClick={() => openView("conversation")}
            >
              <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <path d="M5 5l10 10M15 5L5 15" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" fill="none" />
              </svg>
            </button>
          </div>
        </header>
        {failure !== undefined && (
          <p class="note error" role="alert">
            This could not be read: {failure}
            <button type="button" class="link" onClick={onRetry}>
              Try again
            </button>
          </p>
        )}
        {children}
      </div>
    </div>
  );
}

/** What somebody is to type. */
export const Typed = ({ text }: { readonly text: string }): VNode => <code class="typed">{text}</code>;

const COMMAND = /(pincer (?:call \S+ '[^']*'|.+?(?=,|;|:? (?:says|and|if|then|to)\b|\.?$)))/;

/** A sentence with commands in it. */
export const Said = ({ text }: { readonly text: string }): VNode => (
  <>{text.split(COMMAND).map((part, index) => (index % 2 === 0 ? part : <Typed key={index} text={part} />))}</>
);

/** What to do next, where the message does not say it. */
const NEXT: Readonly<Record<string, string>> = {
  REGISTRY_CLIENT_PLAN_CHANGED: "Something has changed since you looked. Look again, and decide anew.",
  REGISTRY_CLIENT_CONSENT_NEEDED: "Look again, and say yes to each.",
  REGISTRY_CLIENT_ROLLED_BACK: "What ran before runs on. pincer logs says what it wrote; whoever publishes it should know.",
  REGISTRY_CLIENT_BUSY: "Look again when that is done.",
  REGISTRY_UNREACHABLE: "Try again later. pincer registry list says which registries are asked, and where they are.",
  REGISTRY_CLIENT_DEPENDENCY_MISSING: "Try again later.",
  PLUGIN_REVOKED: "Go back to a version that is good, or remove it.",
  UNAVAILABLE: "Look again when the gateway answers. What was begun is taken back, or complete: the list says which.",
};

/** What did not succeed, by which name it is known, and what to do. */
export function Failed({ failure, children }: { readonly failure: Failure; readonly children?: ComponentChildren }): VNode {
  const next = NEXT[failure.code];
  return (
    <div class="card failure" role="alert">
      <p>
        <Said text={plainly(failure.message)} />
      </p>
      {next !== undefined && (
        <p>
          <Said text={next} />
        </p>
      )}
      <p class="about">
        <code>{failure.code}</code>
      </p>
      {children !== undefined && <div class="actions">{children}</div>}
    </div>
  );
}

/** Of a browser that may less than its owner: what it cannot, and how it could. */
export function Narrow({ cannot }: { readonly cannot: string }): VNode {
  return (
    <p class="note">
      This browser was let in for less than everything, and cannot {cannot}. To let it, open a fresh link here: <Typed text="./pincer up" />
    </p>
  );
}

export function Part(props: { readonly title: string; readonly action?: ComponentChildren; readonly children: ComponentChildren }): VNode {
  const { title, action, children } = props;
  return (
    <section class="part">
      <div class="row-line">
        <h2>{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

export function NothingHere({ children }: { readonly children: ComponentChildren }): VNode {
  return <div class="nothing">{children}</div>;
}
