/** What Copilot's API wants to know of whoever asks. */
import type { Message } from "@pincer/plugin-sdk/message";
import { imagesOf } from "@pincer/plugin-sdk/provider/parts";
import manifest from "./plugin.json" with { type: "json" };

const VERSION = manifest.version;

/** Without an editor's name nothing is answered; the integration is the one that is open to every editor. */
const EDITOR: Readonly<Record<string, string>> = {
  "user-agent": `Pincer/${VERSION}`,
  "editor-version": `Pincer/${VERSION}`,
  "editor-plugin-version": `pincer-provider-copilot/${VERSION}`,
  "copilot-integration-id": "vscode-chat",
};

const lowered = (headers: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** For the exchange of GitHub's token. */
export const exchangeHeaders = (token: string, own?: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...EDITOR,
  "x-github-api-version": "2025-04-01",
  ...lowered(own),
  authorization: `token ${token}`,
});

export const apiHeaders = (own?: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...EDITOR,
  "x-github-api-version": "2025-05-01",
  "openai-intent": "conversation-agent",
  ...lowered(own),
});

/** What people ask is counted against what they have bought, what an agent asks on the way there is not. */
export function conversationHeaders(messages: readonly Message[]): Readonly<Record<string, string>> {
  const shown = messages.some((message) => message.role !== "assistant" && imagesOf(message.content).length > 0);
  return {
    "x-initiator": messages.at(-1)?.role === "user" ? "user" : "agent",
    "x-request-id": crypto.randomUUID(),
    ...(shown ? { "copilot-vision-request": "true" } : {}),
  };
}
