/** Markdown as elements: the lexer's tokens become nodes, and never markup, so that no text of a model can reach the page as HTML. */
import { lexer, type Token, type Tokens } from "marked";
import type { ComponentChildren, VNode } from "preact";
import { useMemo, useState } from "preact/hooks";

const SAFE = /^(https?:|mailto:)/i;

const decode = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_whole, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name] ?? "");

function inline(tokens: readonly Token[] | undefined): ComponentChildren {
  return tokens?.map((token, key) => {
    switch (token.type) {
      case "strong":
        return <strong key={key}>{inline(token.tokens)}</strong>;
      case "em":
        return <em key={key}>{inline(token.tokens)}</em>;
      case "del":
        return <del key={key}>{inline(token.tokens)}</del>;
      case "codespan":
        return <code key={key}>{decode(token.text)}</code>;
      case "br":
        return <br key={key} />;
      case "link":
        return SAFE.test(token.href) ? (
          <a key={key} href={token.href} target="_blank" rel="noopener noreferrer nofollow" title={token.title ?? undefined}>
            {inline(token.tokens)}
          </a>
        ) : (
          <span key={key}>{inline(token.tokens)}</span>
        );
      // A picture's address could carry what the model knows to whoever serves it: the link is shown, nothing is fetched.
      case "image":
        return SAFE.test(token.href) ? (
          <a key={key} href={token.href} target="_blank" rel="noopener noreferrer nofollow">
            {token.text || token.href}
          </a>
        ) : (
          token.text
        );
      case "text":
        return "tokens" in token && token.tokens !== undefined ? <span key={key}>{inline(token.tokens)}</span> : decode(token.text);
      default:
        return "text" in token ? decode(String(token.text)) : token.raw;
    }
  });
}

function CodeBlock({ code, language }: { readonly code: string; readonly language: string }): VNode {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="code">
      <div class="code-head">
        <span>{language}</span>
        <button type="button" class="quiet" onClick={copy}>
          {copied ? "Copied" : "Copy"}
        </button>
      </div>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </div>
  );
}

function ListItem({ item }: { readonly item: Tokens.ListItem }): VNode {
  return (
    <li class={item.task ? "task" : undefined}>
      {item.task && <input type="checkbox" checked={item.checked === true} disabled />}
      {blocks(item.tokens)}
    </li>
  );
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, key) => {
    switch (token.type) {
      // The list item draws its own box.
      case "checkbox":
      case "space":
        return null;
      case "paragraph":
        return <p key={key}>{inline(token.tokens)}</p>;
      case "heading": {
        const Heading = `h${Math.min(6, token.depth + 2)}` as "h3";
        return <Heading key={key}>{inline(token.tokens)}</Heading>;
      }
      case "code":
        return <CodeBlock key={key} code={token.text} language={(token.lang ?? "").split(" ")[0] ?? ""} />;
      case "blockquote":
        return <blockquote key={key}>{blocks(token.tokens ?? [])}</blockquote>;
      case "list": {
        const list = token as Tokens.List;
        const items = list.items.map((item, index) => <ListItem key={index} item={item} />);
        return list.ordered ? (
          <ol key={key} start={list.start === "" ? 1 : list.start}>
            {items}
          </ol>
        ) : (
          <ul key={key}>{items}</ul>
        );
      }
      case "hr":
        return <hr key={key} />;
      case "table": {
        const table = token as Tokens.Table;
        return (
          <div class="table" key={key}>
            <table>
              <thead>
                <tr>
                  {table.header.map((cell, index) => (
                    <th key={index} style={cell.align === null ? undefined : { textAlign: cell.align }}>
                      {inline(cell.tokens)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {table.rows.map((row, index) => (
                  <tr key={index}>
                    {row.map((cell, column) => (
                      <td key={column} style={cell.align === null ? undefined : { textAlign: cell.align }}>
                        {inline(cell.tokens)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        );
      }
      case "text":
        return "tokens" in token && token.tokens !== undefined ? <span key={key}>{inline(token.tokens)}</span> : decode(token.text);
      default:
        return <p key={key}>{token.raw}</p>;
    }
  });
}

export function Markdown({ text }: { readonly text: string }): VNode {
  const tokens = useMemo(() => lexer(text, { gfm: true, breaks: true }), [text]);
  return <div class="markdown">{blocks(tokens)}</div>;
}
