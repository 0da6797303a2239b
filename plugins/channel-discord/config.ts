/** Configuration of the plugin (`channels.discord`), and what it comes to for one account. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { type Static, Type } from "@sinclair/typebox";

export const TOKEN = "DISCORD_BOT_TOKEN";
const API_ROOT = "https://discord.com/api";
/** Where Discord says that files are. */
export const CDN_ROOT = "https://cdn.discordapp.com";

const Mention = Type.Union([Type.Literal("users"), Type.Literal("roles"), Type.Literal("everyone")]);

export const DiscordConfig = channelConfig({
  token: credentialSetting(
    `The bot's token, best as { secret: "NAME" }; absent: the secret ${TOKEN}, of another account than default ${TOKEN}_<ACCOUNT>`,
  ),
  messageContent: Type.Optional(
    Type.Boolean({
      description:
        "Ask for the text of every message, for which the Message Content intent must be on; false: what mentions the bot, and direct messages; true when absent",
    }),
  ),
  mentions: Type.Optional(Type.Array(Mention, { description: "Whom a message of the bot's may call; nobody when absent" })),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the files of one message that is fetched, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  requestTimeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, description: "Longest wait for an answer of Discord's; 30000 when absent. Of a file four times as long" }),
  ),
  apiRoot: Type.Optional(
    Type.String({ pattern: "^https?://", description: `Address that stands in for ${API_ROOT}, without the version` }),
  ),
  gatewayUrl: Type.Optional(
    Type.String({ pattern: "^wss?://", description: "Address that stands in for the one that Discord names for the connection" }),
  ),
  cdnRoot: Type.Optional(Type.String({ pattern: "^https?://", description: `Address that stands in for ${CDN_ROOT}` })),
});
export type DiscordConfig = Static<typeof DiscordConfig>;

const withoutSlash = (address: string): string => address.replace(/\/+$/, "");

export function settingsOf(config: DiscordConfig, account: string) {
  const own = accountSettings(config, account);
  return {
    ...own,
    messageContent: own.messageContent ?? true,
    mentions: own.mentions ?? [],
    mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES,
    requestTimeoutMs: own.requestTimeoutMs ?? 30_000,
    apiRoot: withoutSlash(own.apiRoot ?? API_ROOT),
    cdnRoot: withoutSlash(own.cdnRoot ?? CDN_ROOT),
  };
}
export type Settings = ReturnType<typeof settingsOf>;

const FROM_PORTAL = "https://discord.com/developers/applications shows one once (your application, Bot, Reset Token)";

/** What to do when there is no token, or Discord does not know it. */
export const howToLogIn = (secret: string | undefined): string =>
  secret === undefined ? `${FROM_PORTAL}: put it where this one stands` : `${FROM_PORTAL}, then: pincer secrets set ${secret}`;

/** Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
export async function tokenOf(
  secret: (name: string) => Promise<string | undefined>,
  { token }: Pick<Settings, "token">,
  account: string,
): Promise<{ readonly token: string; readonly secret: string | undefined }> {
  const { name, value } = await readCredential(secret, token, TOKEN, account);
  // Guides show it with the word that stands before it in a header.
  const given = value?.trim().replace(/^Bot\s+/i, "") ?? "";
  // What could not stand in a header is none.
  if (/^[\x21-\x7e]+$/.test(given)) return { token: given, secret: name };
  const what = given === "" ? "there is no bot token" : "there is something else than a bot token";
  throw loginRequired(`${what} for the account "${account}"`, howToLogIn(name));
}
