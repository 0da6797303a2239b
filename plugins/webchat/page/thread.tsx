/** The conversation itself. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ApprovalCard } from "./approval.tsx";
import type { Block, Item, Sent, ToolView } from "./conversation.ts";
import { Markdown } from "./markdown.tsx";
import { callsHere } from "./requests.ts";
import { agentName, current, discard, items, loading, loadOlder, more, resend, send } from "./state.ts";

const SUGGESTIONS = ["What can you do?", "List the files", "What time is it?", "Remember that I like short answers"];

function Images({ images }: { readonly images: readonly Block[] }): VNode | null {
  if (images.length === 0) return null;
  return (
    <div class="images">
      {images.map((image, key) => (
        <img key={key} src={`data:${image.mimeType};base64,${image.data}`} alt="Attached" />
      ))}
    </div>
  );
}

function Waiting({ entry }: { readonly entry: Sent }): VNode | null {
  if (entry.state === "accepted") return null;
  if (entry.state === "sending") return <p class="state">Sending…</p>;
  return (
    <p class="state failed">
      Not sent: {entry.error}
      <button type="button" class="link" onClick={() => resend(entry)}>
        Try again
      </button>
      <button type="button" class="link" onClick={() => discard(entry)}>
        Discard
      </button>
    </p>
  );
}

/** The one line that says what a call is about, whatever the tool. */
function gist(args: unknown): string {
  if (typeof args !== "object" || args === null) return "";
  const values = Object.values(args).filter((value) => typeof value === "string" || typeof value === "number");
  return values.length === 0 ? "" : String(values[0]).split("\n")[0]!.slice(0, 120);
}

function Tool({ tool }: { readonly tool: ToolView }): VNode {
  const args = tool.args === undefined ? "" : JSON.stringify(tool.args, null, 2);
  return (
    <details class={`tool ${tool.state}`}>
      <summary>
        <span class="mark" aria-hidden="true" />
        <span class="name">{tool.name}</span>
        <span class="gist">{gist(tool.args)}</span>
        <span class="visually-hidden">{tool.state}</span>
      </summary>
      {args !== "" && args !== "{}" && (
        <pre tabIndex={0} aria-label="Arguments">
          {args}
        </pre>
      )}
      {tool.output !== "" && (
        <pre tabIndex={0} aria-label="Result" class="output">
          {tool.output}
        </pre>
      )}
      {tool.output === "" && tool.state === "running" && <p class="state">Running…</p>}
    </details>
  );
}

function Entry({ item }: { readonly item: Item }): VNode {
  switch (item.kind) {
    case "user":
      return (
        <article class="user" data-role="user">
          <Images images={item.images} />
          {item.text !== "" && <p>{item.text}</p>}
          {item.sent !== undefined && <Waiting entry={item.sent} />}
        </article>
      );
    case "text":
      return (
        <article class={item.live ? "assistant live" : "assistant"} data-role="assistant" aria-busy={item.live}>
          <Markdown text={item.text} />
        </article>
      );
    case "tool":
      return <Tool tool={item.tool} />;
    case "asked":
      return (
        <details class="asked">
          <summary>The assistant asked for your word</summary>
          <Markdown text={item.text} />
        </details>
      );
    case "note":
      return (
        <p class={`note ${item.tone}`} role={item.tone === "error" ? "alert" : undefined}>
          {item.text}
        </p>
      );
    case "working":
      return (
        <p class="working" role="status">
          <i />
          <i />
          <i />
          <span class="visually-hidden">{item.phase === "" ? "Thinking" : item.phase}</span>
        </p>
      );
  }
}

function Empty(): VNode {
  return (
    <div class="empty">
      <img src="/assets/icon.svg" alt="" width="48" height="48" />
      <h1>{agentName.value}</h1>
      <p>Ask something, or start with one of these.</p>
      <div class="suggestions">
        {SUGGESTIONS.map((text) => (
          <button type="button" key={text} onClick={() => send(text, [])}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}

const NEAR = 120;

export function Thread(): VNode {
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const shown = items.value;
  const asked = callsHere.value;
  const key = current.value;
  const before = useRef({ key, height: 0, first: "" });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const first = shown[0]?.key ?? "";
    const was = before.current;
    if (was.key !== key) follows.current = true;
    // Older messages were put in front: what the reader looks at stays where it is.
    if (was.key === key && was.first !== "" && first !== was.first && !follows.current)
      element.scrollTop += element.scrollHeight - was.height;
    else if (follows.current) element.scrollTop = element.scrollHeight;
    before.current = { key, height: element.scrollHeight, first };
  }, [shown, asked, key]);
  // A keyboard that opens, a window that turns or a banner above takes room: who read the end still reads it.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const element = scroller.current;
    if (element !== null) follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
  };
  return (
    <div class="thread" ref={scroller} onScroll={onScroll} role="log" aria-label="Conversation" tabIndex={0}>
      <div class="column">
        {more.value !== undefined && (
          <button type="button" class="older" onClick={() => void loadOlder()}>
            Show earlier messages
          </button>
        )}
        {shown.length === 0 && asked.length === 0 && !loading.value && <Empty />}
        {shown.length === 0 && loading.value && (
          <div class="skeleton" aria-hidden="true">
            <span />
            <span />
            <span />
          </div>
        )}
        {shown.map((item) => (
          <Entry key={item.key} item={item} />
        ))}
        {asked.map((call) => (
          <ApprovalCard key={call.id} call={call} named={false} />
        ))}
      </div>
    </div>
  );
}
