/** What stands in place of a conversation. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { openView } from "./state.ts";

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

export function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }): VNode {
  return (
    <section class="part">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function NothingHere({ children }: { readonly children: ComponentChildren }): VNode {
  return <div class="nothing">{children}</div>;
}
