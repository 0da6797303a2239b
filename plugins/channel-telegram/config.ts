/** Configuration of the plugin (`channels.telegram`), and what it comes to for one account. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { type Static, Type } from "@sinclair/typebox";

export const TOKEN = "TELEGRAM_BOT_TOKEN";
const API_ROOT = "https://api.telegram.org";

export const TelegramConfig = channelConfig({
  token: credentialSetting(
    `The bot's token, best as { secret: "NAME" }; absent: the secret ${TOKEN}, of another account than default ${TOKEN}_<ACCOUNT>`,
  ),
  apiRoot: Type.Optional(
    Type.String({ pattern: "^https?://", description: `Address of a Bot API server of your own; absent: ${API_ROOT}` }),
  ),
  webhook: Type.Optional(
    Type.Object(
      {
        url: Type.String({
          pattern: "^https?://",
          description: "Address at which Telegram reaches this gateway",
        }),
      },
      { description: "Telegram calls the gateway, in place of the gateway asking Telegram" },
    ),
  ),
  replaceWebhook: Type.Optional(
    Type.Boolean({ description: "Take the bot over from another program that has set a webhook for it; false when absent" }),
  ),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the files of one message that is fetched, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  pollSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 50, description: "How long one request for messages waits; 30 when absent" }),
  ),
  requestTimeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, description: "Longest wait for an answer of Telegram's; 60000 when absent. Of a file four times as long" }),
  ),
});
export type TelegramConfig = Static<typeof TelegramConfig>;

export function settingsOf(config: TelegramConfig, account: string) {
  const own = accountSettings(config, account);
  return {
    ...own,
    apiRoot: (own.apiRoot ?? API_ROOT).replace(/\/+$/, ""),
    mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES,
    pollSeconds: own.pollSeconds ?? 30,
    requestTimeoutMs: own.requestTimeoutMs ?? 60_000,
  };
}
export type Settings = ReturnType<typeof settingsOf>;

const FROM_BOTFATHER = "@BotFather in Telegram gives one (/newbot)";

/** What to do when there is no token, or Telegram does not know it. */
export const howToLogIn = (secret: string | undefined): string =>
  secret === undefined ? `${FROM_BOTFATHER}: put it where this one stands` : `${FROM_BOTFATHER}, then: pincer secrets set ${secret}`;

/** Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
export async function tokenOf(
  secret: (name: string) => Promise<string | undefined>,
  { token }: Pick<Settings, "token">,
  account: string,
): Promise<{ readonly token: string; readonly secret: string | undefined }> {
  const { name, value } = await readCredential(secret, token, TOKEN, account);
  if (value !== undefined && value !== "") return { token: value.trim(), secret: name };
  throw loginRequired(`there is no bot token for the account "${account}"`, howToLogIn(name));
}
