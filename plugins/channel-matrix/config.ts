/** Configuration of the plugin (`channels.matrix`), and what it comes to for one account. */
import { accountSettings, channelConfig, credentialSetting, readCredential } from "@pincer/plugin-sdk/channel/account";
import { DEFAULT_MEDIA_BYTES } from "@pincer/plugin-sdk/channel/media";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { type Static, Type } from "@sinclair/typebox";

const TOKEN = "MATRIX_ACCESS_TOKEN";
const PASSWORD = "MATRIX_PASSWORD";

export const MatrixConfig = channelConfig({
  homeserver: Type.Optional(
    Type.String({
      pattern: "^https?://",
      description: "Address of the homeserver's Client-Server API, such as https://matrix.example.org",
    }),
  ),
  user: Type.Optional(
    Type.String({ minLength: 1, description: "Whose password it is, such as @pincer:example.org; not needed with a token" }),
  ),
  password: credentialSetting(
    `The account's password, best as { secret: "NAME" }; absent: the secret ${PASSWORD}, of another account than default ${PASSWORD}_<ACCOUNT>`,
  ),
  token: credentialSetting(
    `An access token in place of user and password, best as { secret: "NAME" }; absent: the secret ${TOKEN}, of another account than default ${TOKEN}_<ACCOUNT>`,
  ),
  deviceName: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: "What the login is called in the account's list of devices; Pincer when absent",
    }),
  ),
  encryption: Type.Optional(
    Type.Boolean({ description: "Take part in encrypted rooms; false: such a room is told that nobody reads it; true when absent" }),
  ),
  invites: Type.Optional(
    Type.Union(
      [
        Type.Literal("allowed", { description: "of those who may write" }),
        Type.Literal("anyone", { description: "of everybody" }),
        Type.Literal("nobody", { description: "of nobody: the account joins only where it is told to elsewhere" }),
      ],
      { description: "Whose invitations are followed; allowed when absent" },
    ),
  ),
  receipts: Type.Optional(Type.Boolean({ description: "Show what was read; true when absent" })),
  mediaBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Largest size of the file of a message that is fetched, in bytes; ${DEFAULT_MEDIA_BYTES} when absent`,
    }),
  ),
  pollSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 120, description: "How long one request for messages waits; 30 when absent" }),
  ),
  requestTimeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: "Longest wait for an answer of the homeserver's; 60000 when absent. Of a file four times as long",
    }),
  ),
});
export type MatrixConfig = Static<typeof MatrixConfig>;

export function settingsOf(config: MatrixConfig, account: string) {
  const own = accountSettings(config, account);
  return {
    ...own,
    homeserver: own.homeserver?.replace(/\/+$/, ""),
    deviceName: own.deviceName ?? "Pincer",
    encryption: own.encryption ?? true,
    invites: own.invites ?? "allowed",
    receipts: own.receipts ?? true,
    mediaBytes: own.mediaBytes ?? DEFAULT_MEDIA_BYTES,
    pollSeconds: own.pollSeconds ?? 30,
    requestTimeoutMs: own.requestTimeoutMs ?? 60_000,
  };
}
export type Settings = ReturnType<typeof settingsOf>;

/** By what an account is logged in. `value` is secret. */
export type Credentials = { readonly secret: string | undefined; readonly value: string; readonly homeserver: string } & (
  | { readonly kind: "token" }
  | { readonly kind: "password"; readonly user: string }
);

/** `CHANNEL_LOGIN_REQUIRED` for people: what is wrong, and what to do about it, together and, in its data, each by itself. */
export const loginRequired = (what: string, hint: string, more: object = {}) =>
  channelErrors.CHANNEL_LOGIN_REQUIRED(`${what}: ${hint}`, { data: { what, hint, ...more } });

/** What to do when the homeserver does not take the credentials any more. */
export const howToLogIn = ({ kind, secret }: Pick<Credentials, "kind" | "secret">): string => {
  const where = secret === undefined ? "put the right one where this one stands" : `pincer secrets set ${secret}`;
  return kind === "token" ? `log in anew for a new token, then: ${where}` : where;
};

/** A token goes before a password. Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
export async function credentialsOf(
  secret: (name: string) => Promise<string | undefined>,
  { homeserver, user, token, password }: Settings,
  account: string,
): Promise<Credentials> {
  if (homeserver === undefined) {
    throw loginRequired(
      `the account "${account}" has no homeserver`,
      "pincer config set channels.matrix.homeserver https://matrix.example.org",
    );
  }
  const given = await readCredential(secret, token, TOKEN, account);
  // What could not stand in a header is none.
  const value = given.value?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(value)) return { kind: "token", secret: given.name, value, homeserver };
  const word = await readCredential(secret, password, PASSWORD, account);
  if (word.value !== undefined && word.value !== "") {
    if (user !== undefined) return { kind: "password", secret: word.name, value: word.value, user, homeserver };
    throw loginRequired(
      `there is a password for the account "${account}", and nobody whose it is`,
      "pincer config set channels.matrix.user @pincer:example.org",
    );
  }
  const names = [word.name, given.name].filter((name) => name !== undefined);
  const ways = [
    ...(word.name === undefined ? [] : [`pincer secrets set ${word.name} (and channels.matrix.user)`]),
    ...(given.name === undefined ? [] : [`pincer secrets set ${given.name}`]),
  ];
  const granted = names.map((name) => `pincer secrets grant ${name} channel-matrix`).join(", ");
  throw loginRequired(
    `there is neither a password nor an access token for the account "${account}"`,
    `${ways.join(", or ")}${granted === "" ? "" : ` (one that is kept already may lack the grant: ${granted})`}`,
  );
}
