/** Where Slack may send the plugin: to its own hosts, and to the address that stands in for them. A token goes nowhere else. */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Settings } from "./config.ts";

const OWN = /(^|\.)(slack\.com|slack-gov\.com)$/;

/**
 * The address as it is, when it is one of Slack's own; else what it names at the address that stands in for Slack's. Throws `CHANNEL_REJECTED` when
 * nothing stands in.
 */
export function placed(address: string, { slackApiUrl }: Pick<Settings, "slackApiUrl">): string {
  const url = URL.parse(address);
  const root = new URL(slackApiUrl);
  if (!url || !/^(https?|wss?):$/.test(url.protocol)) throw channelErrors.CHANNEL_REJECTED("what Slack says is an address is none");
  if (/^(https|wss):$/.test(url.protocol) && url.port === "" && OWN.test(url.hostname)) return url.href;
  if (OWN.test(root.hostname)) throw channelErrors.CHANNEL_REJECTED(`it lies at ${url.host}, which is not Slack's`);
  const secure = root.protocol === "https:";
  const protocol = url.protocol.startsWith("ws") ? (secure ? "wss:" : "ws:") : root.protocol;
  return `${protocol}//${root.host}${url.pathname}${url.search}`;
}
