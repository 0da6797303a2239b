/** Configuration of the plugin (`channels.email`), and what it comes to for one account, which is an address. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { type Static, Type } from "@sinclair/typebox";
import { isAddress } from "./address.ts";

const PASSWORD = "EMAIL_PASSWORD";

const Server = (description: string) => Type.Optional(Type.String({ pattern: "^(\\[[0-9a-fA-F:]+\\]|[^\\s:/]+):\\d{1,5}$", description }));
const OneLine = (description: string) => Type.Optional(Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f]+$", description }));

export const Security = Type.Union([
  Type.Literal("tls", { description: "encrypted from the first byte" }),
  Type.Literal("starttls", { description: "encrypted before anything is said; a server that cannot is not spoken to" }),
  Type.Literal("none", { description: "not encrypted: whoever is in between reads the password" }),
]);
type Security = Static<typeof Security>;

export const EmailConfig = channelConfig({
  address: Type.Optional(Type.String({ description: "The assistant's own address" })),
  name: OneLine("What stands beside the address; Pincer when absent"),
  imap: Server("Host and port that mail is read from, such as imap.example.org:993"),
  smtp: Server("Host and port that mail is sent over, such as smtp.example.org:465"),
  imapSecurity: Type.Optional(Type.Union(Security.anyOf, { description: "Absent: tls at port 993, else starttls" })),
  smtpSecurity: Type.Optional(Type.Union(Security.anyOf, { description: "Absent: tls at port 465, else starttls" })),
  ca: Type.Optional(
    Type.String({
      description: "Certificate in PEM that vouches for both servers, where no public authority does; no other is trusted then",
    }),
  ),
  login: OneLine("User name at both servers; the address when absent"),
  password: credentialSetting(
    `Of the account, best as { secret: "NAME" }; absent: the secret ${PASSWORD}, of another account than default ${PASSWORD}_<ACCOUNT>`,
  ),
  authservId: OneLine(
    "How the receiving server names itself in Authentication-Results, such as mx.example.org; what others say is ignored",
  ),
  requireAuth: Type.Optional(
    Type.Boolean({
      description:
        "Whom the receiving server has not authenticated is not heard; true when absent. Without, anybody is whom they claim to be",
    }),
  ),
  folder: OneLine("Folder that is read; INBOX when absent"),
  sentFolder: OneLine("Folder of what was sent; the one that the server marks so when absent"),
  keepSent: Type.Optional(Type.Boolean({ description: "Put a copy of each mail there; true when absent" })),
  markSeen: Type.Optional(Type.Boolean({ description: "Mark as read what was handed to the assistant; true when absent" })),
  moveTo: OneLine("Folder that such mails are moved to; they stay when absent"),
  quoteOriginal: Type.Optional(Type.Boolean({ description: "Put the mail that is answered below the answer; false when absent" })),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the files of one mail that are fetched, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  pollSeconds: Type.Optional(
    Type.Integer({ minimum: 1, description: "How often it looks by itself, where the server tells nothing; 120 when absent" }),
  ),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, description: "Longest wait for an answer of a server; 60000 when absent" })),
});
export type EmailConfig = Static<typeof EmailConfig>;

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
}

export interface Settings {
  readonly address: string;
  readonly name: string;
  readonly imap: Server;
  readonly smtp: Server;
  readonly ca: string | undefined;
  readonly login: string;
  readonly password: string;
  /** Name of the secret that holds the password; undefined when it stands in the configuration. */
  readonly secret: string | undefined;
  readonly authservId: string | undefined;
  readonly requireAuth: boolean;
  /** The operator has said what becomes of strangers; a channel of mail answers none by itself. */
  readonly greetsStrangers: boolean;
  readonly folder: string;
  readonly sentFolder: string | undefined;
  readonly keepSent: boolean;
  readonly markSeen: boolean;
  readonly moveTo: string | undefined;
  readonly quoteOriginal: boolean;
  readonly mediaBytes: number;
  readonly pollMs: number;
  readonly timeoutMs: number;
}

/** `CHANNEL_LOGIN_REQUIRED` for people: what is wrong, and what to type. */
export const loginRequired = (what: string, hint: string) => channelErrors.CHANNEL_LOGIN_REQUIRED(`${what}: ${hint}`, { data: { hint } });

function serverOf(text: string, security: Security | undefined, encrypted: number): Server {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  return {
    host: text.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    port,
    security: security ?? (port === encrypted ? "tls" : "starttls"),
  };
}

/** Throws `CHANNEL_LOGIN_REQUIRED`. */
export async function readSettings(
  config: EmailConfig,
  read: (name: string) => Promise<string | undefined>,
  account: string,
): Promise<Settings> {
  const own = accountSettings(config, account);
  const at = account === "default" && config.accounts === undefined ? "channels.email" : `channels.email.accounts.${account}`;
  const needed = (name: "address" | "imap" | "smtp", example: string): string => {
    const value = own[name];
    if (value !== undefined) return value;
    throw loginRequired(`the account "${account}" has no ${name}`, `pincer config set ${at}.${name} "${example}"`);
  };
  const address = needed("address", "assistant@example.org").toLowerCase();
  if (!isAddress(address))
    throw loginRequired(`"${address}" is no address of mail`, `pincer config set ${at}.address "assistant@example.org"`);
  const password = await readCredential(read, own.password, PASSWORD, account);
  const imap = needed("imap", "imap.example.org:993");
  const smtp = needed("smtp", "smtp.example.org:465");
  if (password.value === undefined || password.value === "")
    throw loginRequired(
      `there is no password for the account "${account}"`,
      `pincer secrets set ${password.name} (or grant it: pincer secrets grant ${password.name} channel-email)`,
    );
  return {
    address,
    name: own.name ?? "Pincer",
    imap: serverOf(imap, own.imapSecurity, 993),
    smtp: serverOf(smtp, own.smtpSecurity, 465),
    ca: own.ca,
    login: own.login ?? address,
    password: password.value.trim(),
    secret: password.name,
    authservId: own.authservId,
    requireAuth: own.requireAuth ?? true,
    greetsStrangers: own.direct !== undefined,
    folder: own.folder ?? "INBOX",
    sentFolder: own.sentFolder,
    keepSent: own.keepSent ?? true,
    markSeen: own.markSeen ?? true,
    moveTo: own.moveTo,
    quoteOriginal: own.quoteOriginal ?? false,
    mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES,
    pollMs: (own.pollSeconds ?? 120) * 1000,
    timeoutMs: own.timeoutMs ?? 60_000,
  };
}
