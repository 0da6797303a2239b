/** Configuration of the plugin (`channels.irc`), and what it comes to for one account, which is a login at one server. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { type Static, Type } from "@sinclair/typebox";

const PASSWORD = "IRC_PASSWORD";
const SERVER_PASSWORD = "IRC_SERVER_PASSWORD";
const CERTIFICATE = "IRC_CERTIFICATE";

const Word = (description: string) => Type.String({ pattern: "^[^\\s:\\u0000][^\\s\\u0000]*$", description });

export const IrcConfig = channelConfig({
  server: Type.Optional(
    Type.String({ pattern: "^(\\[[0-9a-fA-F:]+\\]|[^\\s:/]+):\\d{1,5}$", description: "Host and port, such as irc.libera.chat:6697" }),
  ),
  tls: Type.Optional(Type.Boolean({ description: "Encrypted; true when absent. Without, whoever is in between reads and writes along" })),
  fingerprint: Type.Optional(
    Type.String({
      pattern: "^([0-9a-fA-F]{2}:?){32}$",
      description: "SHA-256 of the server's certificate: that one is taken, and no other, whoever signed it",
    }),
  ),
  nick: Type.Optional(Word("The assistant's name there; pincer when absent")),
  realName: Type.Optional(Type.String({ description: "What is shown beside the nick; Pincer when absent" })),
  channels: Type.Optional(
    Type.Array(Type.String({ pattern: "^[^\\s,:][^\\s,]*( \\S+)?$" }), { description: 'What is joined, such as "#home", or "#home key"' }),
  ),
  login: Type.Optional(
    Type.Union(
      [
        Type.Literal("plain", { description: "by account and password, before anything else (SASL PLAIN)" }),
        Type.Literal("external", { description: "by a certificate of its own (SASL EXTERNAL)" }),
        Type.Literal("nickserv", { description: "by telling NickServ the password, where the server has no SASL" }),
        Type.Literal("none", { description: "not at all" }),
      ],
      { description: "How it logs in; absent: plain where there is a password, else none" },
    ),
  ),
  loginName: Type.Optional(Word("The account's name at the server; the nick when absent")),
  password: credentialSetting(
    `Of the account, best as { secret: "NAME" }; absent: the secret ${PASSWORD}, of another account than default ${PASSWORD}_<ACCOUNT>`,
  ),
  serverPassword: credentialSetting(`Of the server or bouncer; absent: the secret ${SERVER_PASSWORD}, or ${SERVER_PASSWORD}_<ACCOUNT>`),
  certificate: credentialSetting(
    `Certificate and key in PEM, for login external; absent: the secret ${CERTIFICATE}, or ${CERTIFICATE}_<ACCOUNT>`,
  ),
  burst: Type.Optional(Type.Integer({ minimum: 1, description: "Lines that are sent at once; 4 when absent" })),
  lineEveryMs: Type.Optional(Type.Integer({ minimum: 0, description: "Milliseconds for each line after that; 2000 when absent" })),
  timeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: "Longest silence of the server, and longest wait until it has taken a line; 60000 when absent",
    }),
  ),
});
export type IrcConfig = Static<typeof IrcConfig>;

export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly fingerprint: string | undefined;
  readonly nick: string;
  readonly realName: string;
  /** Each with its key, where it has one. */
  readonly channels: readonly string[];
  readonly login: "plain" | "external" | "nickserv" | "none";
  readonly loginName: string;
  readonly password: string | undefined;
  readonly serverPassword: string | undefined;
  readonly certificate: string | undefined;
  readonly burst: number;
  readonly lineEveryMs: number;
  readonly timeoutMs: number;
}

/** Throws `CHANNEL_LOGIN_REQUIRED`, which says what to type. */
export async function readSettings(
  config: IrcConfig,
  read: (name: string) => Promise<string | undefined>,
  account: string,
): Promise<Settings> {
  const own = accountSettings(config, account);
  const at = account === "default" && config.accounts === undefined ? "channels.irc" : `channels.irc.accounts.${account}`;
  if (own.server === undefined)
    throw loginRequired(`the account "${account}" has no server`, `pincer config set ${at}.server "irc.libera.chat:6697"`);
  const colon = own.server.lastIndexOf(":");
  const password = await readCredential(read, own.password, PASSWORD, account);
  const serverPassword = await readCredential(read, own.serverPassword, SERVER_PASSWORD, account);
  const certificate = await readCredential(read, own.certificate, CERTIFICATE, account);
  const { login = password.value === undefined ? "none" : "plain", nick = "pincer" } = own;
  if ((login === "plain" || login === "nickserv") && password.value === undefined)
    throw loginRequired(`there is no password for the account "${account}"`, `pincer secrets set ${password.name}`);
  if (login === "external" && certificate.value === undefined)
    throw loginRequired(
      `there is no certificate for the account "${account}"`,
      `pincer secrets set ${certificate.name}, with certificate and key in PEM`,
    );
  return {
    host: own.server.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    port: Number(own.server.slice(colon + 1)),
    tls: own.tls ?? true,
    fingerprint: own.fingerprint?.replaceAll(":", "").toLowerCase(),
    nick,
    realName: own.realName ?? "Pincer",
    channels: own.channels ?? [],
    login,
    loginName: own.loginName ?? nick,
    password: password.value?.trim(),
    serverPassword: serverPassword.value?.trim(),
    certificate: certificate.value,
    burst: own.burst ?? 4,
    lineEveryMs: own.lineEveryMs ?? 2_000,
    timeoutMs: own.timeoutMs ?? 60_000,
  };
}
