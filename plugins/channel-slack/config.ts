/** Configuration of the plugin (`channels.slack`), and what it comes to for one account. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { type Static, Type } from "@sinclair/typebox";

const API_URL = "https://slack.com/api/";

/** Slack's own name for it, the secret that holds it, how it begins, and where a person finds it. */
const credentials = {
  token: {
    what: "bot token",
    secret: "SLACK_BOT_TOKEN",
    form: /^(xoxb-|xoxe\.xoxb-)/,
    begins: "xoxb-",
    from: "https://api.slack.com/apps shows it (your app, OAuth & Permissions, Bot User OAuth Token) once the app is installed",
  },
  appToken: {
    what: "app-level token",
    secret: "SLACK_APP_TOKEN",
    form: /^xapp-/,
    begins: "xapp-",
    from: "https://api.slack.com/apps makes one (your app, Basic Information, App-Level Tokens, with the scope connections:write)",
  },
  signingSecret: {
    what: "signing secret",
    secret: "SLACK_SIGNING_SECRET",
    form: /^[\x21-\x7e]{8,}$/,
    begins: undefined,
    from: "https://api.slack.com/apps shows it (your app, Basic Information, App Credentials, Signing Secret)",
  },
} as const;
export type CredentialName = keyof typeof credentials;

const credential = (name: CredentialName, more = "") => {
  const { what, secret } = credentials[name];
  return credentialSetting(
    `The ${what}${more}, best as { secret: "NAME" }; absent: the secret ${secret}, of another account than default ${secret}_<ACCOUNT>`,
  );
};

export const SlackConfig = channelConfig({
  token: credential("token"),
  appToken: credential("appToken", ", for Socket Mode"),
  signingSecret: credential("signingSecret", ", where Slack calls the gateway"),
  mode: Type.Optional(
    Type.Union(
      [
        Type.Literal("socket", { description: "the gateway connects to Slack (Socket Mode), which needs no address" }),
        Type.Literal("http", { description: "Slack calls the gateway (Events API)" }),
      ],
      { description: "How messages come; socket when absent" },
    ),
  ),
  connections: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 5, description: "Connections of Socket Mode that are held at once; 1 when absent" }),
  ),
  replyInThread: Type.Optional(
    Type.Boolean({
      description: "Answer in a channel in a thread under the message, which is a conversation of its own; false when absent",
    }),
  ),
  slashCommand: Type.Optional(
    Type.String({
      pattern: "^/[a-z0-9_-]{1,32}$",
      description: "The app's slash command behind which one writes to the assistant; any other is handed in as it is; /pincer when absent",
    }),
  ),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the files of one message that is fetched, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  requestTimeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, description: "Longest wait for an answer of Slack's; 30000 when absent. Of a file four times as long" }),
  ),
  slackApiUrl: Type.Optional(
    Type.String({
      pattern: "^https?://",
      description: `Address that stands in for ${API_URL}; what Slack says lies elsewhere than at its own hosts is asked for there too`,
    }),
  ),
});
export type SlackConfig = Static<typeof SlackConfig>;

export function settingsOf(config: SlackConfig, account: string) {
  const own = accountSettings(config, account);
  return {
    ...own,
    mode: own.mode ?? "socket",
    connections: own.connections ?? 1,
    replyInThread: own.replyInThread ?? false,
    slashCommand: own.slashCommand ?? "/pincer",
    mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES,
    requestTimeoutMs: own.requestTimeoutMs ?? 30_000,
    slackApiUrl: `${(own.slackApiUrl ?? API_URL).replace(/\/+$/, "")}/`,
  };
}
export type Settings = ReturnType<typeof settingsOf>;

export interface Login {
  readonly value: string;
  /** Of the secret that holds it; undefined when it stands in the configuration itself. */
  readonly secret: string | undefined;
}

/** What to do when there is none, or Slack does not know it. */
export function howToGet(name: CredentialName, secret: string | undefined): string {
  const { from } = credentials[name];
  return secret === undefined ? `${from}: put it where this one stands` : `${from}, then: pincer secrets set ${secret}`;
}

/** Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
export async function loginOf(
  name: CredentialName,
  read: (name: string) => Promise<string | undefined>,
  settings: Pick<Settings, CredentialName>,
  account: string,
): Promise<Login> {
  const { what, form, secret: base, begins } = credentials[name];
  const { name: secret, value } = await readCredential(read, settings[name], base, account);
  const given = value?.trim() ?? "";
  if (form.test(given) && /^[\x21-\x7e]+$/.test(given)) return { value: given, secret };
  const missing = given === "" ? `there is no ${what}` : `there is something else than a ${what}`;
  const begin = given === "" || begins === undefined ? "" : ` (which begins with ${begins})`;
  throw loginRequired(`${missing}${begin} for the account "${account}"`, howToGet(name, secret));
}
