/** Configuration of the plugin (`channels.webhook`), and what it comes to for one account. */
import { isPrivateName, parseHost, reachOf } from "@pincer/plugin-sdk/addresses";
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { type Static, Type } from "@sinclair/typebox";

const SECRET = "WEBHOOK_SECRET";

/** Of the secret: what is shorter is guessed. */
const FEWEST_CHARACTERS = 16;

export const WebhookConfig = channelConfig({
  secret: credentialSetting(
    `What both sides sign with, best as { secret: "NAME" }; absent: the secret ${SECRET}, of another account than default ${SECRET}_<ACCOUNT>`,
  ),
  url: Type.Optional(
    Type.String({ pattern: "^https?://", description: "Where answers are posted; absent: only who waits for an answer is given it" }),
  ),
  private: Type.Optional(Type.Boolean({ description: "url may be on this machine or in a network of your own; false when absent" })),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the files of one message that is taken, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  requestTimeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, description: "Longest wait for the answer to a message that is posted; 30000 when absent" }),
  ),
});
export type WebhookConfig = Static<typeof WebhookConfig>;

export function settingsOf(config: WebhookConfig, account: string) {
  const own = accountSettings(config, account);
  return { ...own, mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES, requestTimeoutMs: own.requestTimeoutMs ?? 30_000 };
}
export type Settings = ReturnType<typeof settingsOf>;

/** Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
export async function secretOf(
  read: (name: string) => Promise<string | undefined>,
  { secret }: Pick<Settings, "secret">,
  account: string,
): Promise<string> {
  const { name, value = "" } = await readCredential(read, secret, SECRET, account);
  if (value.length >= FEWEST_CHARACTERS) return value;
  const where = name === undefined ? "put it where this one stands" : `pincer secrets set ${name}`;
  const hint = `make one with "openssl rand -hex 32", give it to whoever calls, then: ${where}`;
  const what = value === "" ? "there is no secret" : `the secret has ${value.length} characters, fewer than ${FEWEST_CHARACTERS},`;
  throw loginRequired(`${what} for the account "${account}"`, hint);
}

/** Why nothing is posted to that address; undefined when it is. */
export function refusedAddress(settings: Pick<Settings, "url" | "private">): string | undefined {
  const url = settings.url === undefined ? undefined : URL.parse(settings.url);
  if (settings.url === undefined) return "channels.webhook.url is not set, and nobody waits for the answer";
  const host = url ? parseHost(url.hostname) : undefined;
  if (!url || !host) return "channels.webhook.url is no address of the web";
  if (url.username !== "" || url.password !== "") return "channels.webhook.url has a name or password in it, which is not sent";
  if (settings.private === true) return undefined;
  const isOwn = host.kind === "address" ? reachOf(host.address) !== "public" : isPrivateName(host.name);
  return isOwn ? `${url.host} is not on the internet: if it is meant, pincer config set channels.webhook.private true` : undefined;
}
