/** Attachments as clients send them, checked, as turns take them. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { AgentConfig } from "./config.ts";
import { agentErrors } from "./errors.ts";

export interface SentAttachment {
  readonly type?: string;
  readonly mimeType?: string;
  readonly fileName?: string;
  readonly content?: string;
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const dataUrl = /^data:([^;,]+)?(?:;[^;,]+)*;base64,/i;

/** What a file begins with, in hexadecimal, says what it is, whatever it is called. */
const signatures: readonly (readonly [type: string, signature: RegExp])[] = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  ["image/gif", /^474946383[79]61/],
  ["image/webp", /^52494646.{8}57454250/],
  ["application/pdf", /^255044462d/],
];

const sniff = (data: string): string | undefined => {
  const head = Buffer.from(data.slice(0, 32), "base64").toString("hex");
  return signatures.find(([, signature]) => signature.test(head))?.[0];
};

/** Throws `AGENT_ATTACHMENT`, which names the attachment and the limit. */
export function takeAttachments(
  sent: readonly SentAttachment[],
  limits: Pick<AgentConfig, "attachmentCount" | "attachmentBytes" | "imageBytes">,
): Attachment[] {
  if (sent.length > limits.attachmentCount)
    throw agentErrors.AGENT_ATTACHMENT(`${sent.length} attachments came; at most ${limits.attachmentCount} are taken`);
  let bytes = 0;
  return sent.map(({ type, mimeType, fileName, content = "" }, index) => {
    const called = fileName ?? `attachment ${index + 1}`;
    const url = dataUrl.exec(content);
    const data = (url === null ? content : content.slice(url[0].length)).replace(/\s+/g, "");
    if (data === "" || !base64.test(data)) throw agentErrors.AGENT_ATTACHMENT(`${called}: content was expected as base64`);
    const size = Math.floor(data.length * 0.75);
    bytes += size;
    if (bytes > limits.attachmentBytes)
      throw agentErrors.AGENT_ATTACHMENT(`${called}: the attachments have more than ${limits.attachmentBytes} bytes together`);
    const is = sniff(data) ?? mimeType ?? url?.[1] ?? (type?.includes("/") === true ? type : "application/octet-stream");
    if (is.startsWith("image/") && size > limits.imageBytes)
      throw agentErrors.AGENT_ATTACHMENT(`${called}: an image may have ${limits.imageBytes} bytes, this has ${size}`);
    const family = is.split("/")[0];
    const kind: Attachment["kind"] = family === "image" || family === "audio" || family === "video" ? family : "document";
    return { kind, mimeType: is, data, ...(fileName === undefined ? {} : { fileName }) };
  });
}
