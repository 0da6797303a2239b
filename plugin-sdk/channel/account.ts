/** Settings of a channel that has accounts: what stands beside `accounts` holds for each of them, unless the account says otherwise. */
import { type Static, type TProperties, Type } from "@sinclair/typebox";
import { channelSettings } from "../contracts/channel.ts";
import { SenderRules } from "../contracts/sender-rules.ts";

/** Part of a session's key. */
const AccountName = Type.String({ pattern: "^[a-z0-9_-]+$" });

/** `settings` are all optional and without a default: a default of the account would stand in front of what the channel says. */
export function channelConfig<P extends TProperties>(settings: P) {
  const account = Type.Object({ enabled: channelSettings.enabled, ...SenderRules.properties, ...settings });
  const accounts = Type.Record(AccountName, account, { description: "By name; absent: one, called default" });
  return Type.Object({ ...channelSettings, ...settings, accounts: Type.Optional(accounts) });
}

type WithAccounts<A extends object> = A & { readonly accounts?: Readonly<Record<string, A>> };

/** What holds for one account. */
export function accountSettings<A extends object>(config: WithAccounts<A>, account: string): Omit<A, "accounts"> {
  const { accounts, ...all } = config;
  return { ...all, ...(accounts && Object.hasOwn(accounts, account) ? accounts[account] : {}) };
}

/** A setting that holds a token, best by the name of a secret. In a manifest: `"secrets": ["config:/token", "config:/accounts/*\/token"]`. */
export const credentialSetting = (description: string) =>
  Type.Optional(
    Type.Union([Type.Object({ secret: Type.String({ minLength: 1 }) }), Type.String({ minLength: 1 })], { description, sensitive: true }),
  );

type CredentialSetting = Static<ReturnType<typeof credentialSetting>>;

export interface Credential {
  /** Of the secret that holds it; undefined when it stands in the configuration itself. */
  readonly name: string | undefined;
  /** Undefined when there is none, or the operator has not granted it. */
  readonly value: string | undefined;
}

/** What an account's token is: as the setting says, else the secret `<base>` of the account `default`, `<base>_<ACCOUNT>` of another. */
export async function readCredential(
  secret: (name: string) => Promise<string | undefined>,
  setting: CredentialSetting | undefined,
  base: string,
  account: string,
): Promise<Credential> {
  if (typeof setting === "string") return { name: undefined, value: setting };
  const name = setting?.secret ?? (account === "default" ? base : `${base}_${account.toUpperCase().replaceAll("-", "_")}`);
  return { name, value: await secret(name) };
}
