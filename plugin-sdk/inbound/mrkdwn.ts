/** Slack's mrkdwn, which others speak in part, as Markdown. */
import { link } from "./marked-text.ts";
import { type Names, oneLine, outsideCode } from "./mentions.ts";

const TOKEN = /<([^<>|\s][^<>|]{0,3000})(?:\|([^<>]{0,3000}))?>/g;
/** Signs that stand for a token while marks are looked for: nobody writes them. */
const [BEGIN, END] = ["\ue000", "\ue001"];

const entities = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function shown(token: string, label: string | undefined, { user, channel, role }: Names): string {
  const kind = token[0];
  const [id = ""] = token.slice(1).split("^");
  if (kind === "@") return `@${oneLine(user?.(id) ?? label ?? id)}`;
  if (kind === "#") return `#${oneLine(channel?.(id) ?? (label || id))}`;
  if (kind !== "!") return link(label ?? "", token);
  const [, about = ""] = token.split("^");
  if (id === "subteam") return `@${oneLine(role?.(about) ?? (label ?? about).replace(/^@/, ""))}`;
  return id === "date" ? oneLine(label ?? about) : `@${oneLine((label ?? id).replace(/^@/, ""))}`;
}

/** @param names of the ids that it mentions; what nobody knows is shown by the label that came with it, else as the id. */
export function mrkdwnToMarkdown(text: string, names: Names = {}): string {
  const converted = outsideCode(text.replace(/[\ue000\ue001]/g, ""), (part) => {
    const tokens: string[] = [];
    const kept = part.replace(TOKEN, (_whole, token: string, label?: string) => {
      tokens.push(shown(token, label, names));
      return `${BEGIN}${tokens.length - 1}${END}`;
    });
    const marked = kept
      .replace(/(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\p{L}\p{N}*])/gu, "**$1**")
      .replace(/(?<![\p{L}\p{N}~])~(?=[^\s~])([^~\n]*[^\s~])~(?![\p{L}\p{N}~])/gu, "~~$1~~")
      .replace(/^• /gm, "- ");
    return marked.replace(/\ue000(\d+)\ue001/g, (_whole, index: string) => tokens[Number(index)] ?? "");
  });
  // Slack's code blocks may begin and end within a line.
  const blocks = converted.replace(/```\n?([\s\S]*?)\n?```/g, (_whole, code: string) => `\n\`\`\`\n${code}\n\`\`\`\n`);
  return entities(blocks).replace(/^\n+|\n+$/g, "");
}
