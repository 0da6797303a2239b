/** Who the account is, and the token that says so: given by the operator, or by the homeserver for a password, once. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { type Credentials, credentialsOf, howToLogIn, loginRequired, type MatrixConfig, type Settings, settingsOf } from "./config.ts";
import { isRefusal } from "./failure.ts";
import { type Fetch, type Homeserver, reach } from "./homeserver.ts";
import { seal, unseal } from "./sealed.ts";

export interface LoginContext {
  readonly config: MatrixConfig;
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly store: KeyValueStore;
  secret(name: string): Promise<string | undefined>;
}

const Login = Type.Object({
  userId: Type.String({ pattern: "^@.{1,253}$" }),
  /** Absent: the token belongs to no device, and cannot take part in encryption. */
  deviceId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  token: Type.String({ minLength: 1 }),
});
export type Login = Static<typeof Login>;

/** One account, logged in. */
export interface Bot extends Homeserver {
  readonly account: string;
  readonly settings: Settings;
  readonly credentials: Credentials;
  readonly login: Login;
}

const WhoAmI = Type.Object({ user_id: Type.String(), device_id: Type.Optional(Type.String()) });
const LoggedIn = Type.Object({ user_id: Type.String(), device_id: Type.String(), access_token: Type.String() });

const keptAt = (account: string) => `login:${account}`;
const purposeOf = ({ homeserver, ...credentials }: Credentials): string =>
  `login ${homeserver} ${credentials.kind === "password" ? credentials.user : ""}`;

function read<T extends Parameters<typeof Value.Check>[0]>(schema: T, answer: unknown, host: string): Static<T> {
  if (Value.Check(schema, answer)) return answer as Static<T>;
  throw channelErrors.CHANNEL_UNAVAILABLE(`${host} answers in another form than the specification has`);
}

export function createLogins(context: LoginContext) {
  /** By token: whose it is does not change. */
  const known = new Map<string, Login>();

  async function kept(account: string, credentials: Credentials): Promise<Login | undefined> {
    const sealed = await context.store.get<string>(keptAt(account));
    const login = sealed === undefined ? undefined : unsealed(sealed, credentials);
    return Value.Check(Login, login) ? login : undefined;
  }
  const unsealed = (sealed: string, credentials: Credentials) => unseal(sealed, credentials.value, purposeOf(credentials));

  async function withToken(way: Homeserver, token: string, signal: AbortSignal): Promise<Login> {
    const found = known.get(token);
    if (found) return found;
    const answer = read(WhoAmI, await way.call({ signal, path: "client/v3/account/whoami" }), way.host);
    const login = { userId: answer.user_id, token, ...(answer.device_id !== undefined && { deviceId: answer.device_id }) };
    known.set(token, login);
    return login;
  }

  async function withPassword(
    way: Homeserver,
    account: string,
    credentials: Credentials & { kind: "password" },
    settings: Settings,
    signal: AbortSignal,
  ) {
    const before = await kept(account, credentials);
    let answer: unknown;
    try {
      answer = await way.attempt({
        ...{ signal, method: "POST", path: "client/v3/login", isOpen: true, isSafe: true },
        body: {
          type: "m.login.password",
          identifier: { type: "m.id.user", user: credentials.user },
          password: credentials.value,
          initial_device_display_name: settings.deviceName,
          // A login that ended for the time being keeps its device, and so its keys.
          ...(before?.deviceId !== undefined && { device_id: before.deviceId }),
        },
      });
    } catch (error) {
      if (isRefusal(error, "M_FORBIDDEN")) throw loginRequired(error.message, howToLogIn(credentials));
      throw way.failure(error, true);
    }
    const { user_id: userId, device_id: deviceId, access_token: token } = read(LoggedIn, answer, way.host);
    const login: Login = { userId, deviceId, token };
    await context.store.set({ [keptAt(account)]: seal(login, credentials.value, purposeOf(credentials)) });
    return login;
  }

  const bases = new Map<string, Promise<unknown>>();
  /** One login at a time for an account: two at once would make two devices. */
  function inTurn<T>(account: string, run: () => Promise<T>): Promise<T> {
    const next = (bases.get(account) ?? Promise.resolve()).then(run, run);
    bases.set(account, next);
    return next;
  }

  async function open(account: string, signal: AbortSignal): Promise<Bot> {
    const settings = settingsOf(context.config, account);
    const credentials = await credentialsOf(context.secret, settings, account);
    const way = (token: string | undefined) => reach({ clock: context.clock, fetch: context.fetch, settings, credentials, token });
    const login =
      credentials.kind === "token"
        ? await withToken(way(credentials.value), credentials.value, signal)
        : await inTurn(
            account,
            async () => (await kept(account, credentials)) ?? (await withPassword(way(undefined), account, credentials, settings, signal)),
          );
    return { ...way(login.token), account, settings, credentials, login };
  }

  return {
    open,

    /** What the connection is made of, as a text that differs when it does. */
    async basis(account: string): Promise<string> {
      const settings = settingsOf(context.config, account);
      const credentials = await credentialsOf(context.secret, settings, account).catch(() => undefined); // silent-ok: connecting tells what is missing
      return JSON.stringify([settings, credentials]);
    },

    /** After the homeserver ended it: a password makes another one, of the same device where the homeserver has kept that (`isSoft`). */
    async renew({ account, settings, credentials, login, ...way }: Bot, isSoft: boolean, signal: AbortSignal): Promise<boolean> {
      if (credentials.kind !== "password") return false;
      await inTurn(account, async () => {
        const now = await kept(account, credentials);
        if (now !== undefined && now.token !== login.token) return;
        if (!isSoft) await context.store.set({ [keptAt(account)]: undefined });
        await withPassword(way, account, credentials, settings, signal);
      });
      return true;
    },

    async forget({ account, login }: Pick<Bot, "account" | "login">): Promise<void> {
      known.delete(login.token);
      await context.store.set({ [keptAt(account)]: undefined });
    },
  };
}
export type Logins = ReturnType<typeof createLogins>;
