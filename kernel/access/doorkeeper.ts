/** Decides who comes in, by WebSocket (`protocol` section 1.5) and by HTTP. Whoever comes with a device is the authenticator's to judge. */
import type { Logger } from "@pincer/plugin-sdk";
import { neighbourhood } from "@pincer/plugin-sdk/addresses";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import { defineErrors, errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { isSecretReference } from "@pincer/plugin-sdk/sensitive";
import { isUnguessable, sameSecret } from "@pincer/plugin-sdk/tokens";
import type { ConnectParams } from "@pincer/plugin-sdk/wire/connect";
import { type AuthCode, authError, connectErrors } from "@pincer/plugin-sdk/wire/connect-errors";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import type { Store } from "../../store/store.ts";
import type { Audit } from "./audit.ts";
import type { Admitted, ConnectAttempt, Door, RequestDecision } from "./decision.ts";
import { clientAddress, isNear, mayAct, originAllowed } from "./door.ts";
import type { Keys } from "./keys.ts";
import { createLockout, type Suspect } from "./lockout.ts";
import type { Secrets } from "./secrets.ts";
import type { AccessSettings } from "./settings.ts";

export type Authenticator = ImplementationOf<typeof authenticator>;

export interface AccessParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: Keys;
  readonly settings: () => AccessSettings;
  /** Whatever plugin that is at the moment. */
  readonly authenticator: () => Authenticator;
  /** Told when a secret came or went. */
  readonly secretsChanged?: () => void;
}

const accessErrors = defineErrors({
  ACCESS_NO_AUTHENTICATOR: {
    message: "devices cannot be told apart now: no plugin that works provides authenticator; see pincer plugins list, and enable devices",
    wire: "UNAVAILABLE",
    retryable: true,
  },
});

/** The call that lets somebody in is never taken back: a client that leaves is noticed behind it. */
const io = { signal: new AbortController().signal };

type Client = ConnectParams["client"];
const isBrowser = ({ id }: Client) => id === "openclaw-control-ui" || id === "webchat" || id === "webchat-ui";
const isUi = ({ id, mode }: Client) => mode === "ui" || mode === "webchat" || id === "openclaw-tui" || id === "openclaw-control-ui";
const isLocalTool = ({ id, mode }: Client) => (id === "cli" && mode === "cli") || (id === "gateway-client" && mode === "backend");

export function createDoorkeeper({ authenticator, clock, keys, log, settings }: AccessParts, audit: Audit, secrets: Secrets) {
  const lockout = createLockout(clock, () => settings().lockout);

  /**
   * On this machine everybody shares one address, so there each client is counted by itself: a page that keeps coming with an old token
   * shuts the door to itself alone. All of them together have more attempts and a shorter lock. What nobody guesses lets a tool in all the same.
   */
  const suspectsAt = (door: Door, who: string): Suspect[] => {
    const { attempts, lockMs, loopbackFactor, loopbackLockMs } = settings().lockout;
    const address = neighbourhood(clientAddress(door, settings().trustedProxies));
    if (!door.directLoopback) return [{ key: address, attempts, lockMs }];
    return [
      { key: `${address} ${who}`, attempts, lockMs },
      { key: address, attempts: attempts * loopbackFactor, lockMs: loopbackLockMs },
    ];
  };

  /** Counts an attempt at once; what it returns is told whether it was right. */
  const counted = (suspects: readonly Suspect[], door: Door) => {
    const end = lockout.begin(suspects);
    return (isRight: boolean) => {
      for (const { key, lockMs } of end(isRight)) {
        log.warn("access.locked-out", { key, lockMs });
        audit.note({ principal: door.remoteAddress, action: "access.lockout", resources: [key], outcome: "refused" });
      }
    };
  };

  /** What the shared secret proves; `RIGHT` also where none is asked for. The configuration may name one that is kept encrypted. */
  async function judge(door: Door, came: string | undefined): Promise<"NOT_CONFIGURED" | "MISSING" | "RIGHT" | "MISMATCH"> {
    const { auth, trustedProxies } = settings();
    if (auth.mode === "none") return isNear(door, trustedProxies) ? "RIGHT" : "MISSING";
    const written: unknown = auth.mode === "password" ? auth.password : auth.token || keys.token;
    let expected = written as string | undefined;
    if (isSecretReference(written)) {
      expected = await secrets.get(written.secret).catch((error) => {
        log.error("access.secret-unreadable", { name: written.secret, error: errorMessage(error) });
        return undefined;
      });
    }
    if (!expected) return "NOT_CONFIGURED";
    if (!came) return "MISSING";
    return sameSecret(came, expected) ? "RIGHT" : "MISMATCH";
  }

  /**
   * The authenticator's answer or refusal; what is wrong with a plugin is in the log, and nothing for those who are not in yet. `end` is told
   * whether what came was right: who is refused for another reason has shown that, and without an answer nobody has.
   */
  async function asked<T>(ask: (authenticator: Authenticator) => Promise<T>, end: (isRight: boolean) => void = () => undefined) {
    let isRight = false;
    try {
      const answer = await ask(authenticator());
      isRight = answer !== null;
      return answer;
    } catch (cause) {
      if (!isGatewayError(cause) || /^(PLUGIN|CAPABILITY)_/.test(cause.code))
        throw accessErrors.ACCESS_NO_AUTHENTICATOR(undefined, { cause });
      isRight = cause.wire !== "UNAVAILABLE";
      throw cause;
    } finally {
      end(isRight);
    }
  }

  /** The table of `protocol` section 1.5: with which scopes somebody may come without a device once the secret is right. */
  function withoutDevice({ door, params: { client } }: ConnectAttempt, role: Role, scopes: readonly WireScope[]): readonly WireScope[] {
    if (role === "operator" && client.mode === "probe") return [];
    if (role === "operator" && isLocalTool(client) && door.directLoopback) return scopes;
    if (role === "operator" && isUi(client)) throw connectErrors.CONTROL_UI_DEVICE_IDENTITY_REQUIRED();
    throw connectErrors.DEVICE_IDENTITY_REQUIRED();
  }

  /** Throws what the client is to be told. */
  async function connect(attempt: ConnectAttempt): Promise<Admitted> {
    const { door, nonce, params } = attempt;
    const { client, role = "operator", device, auth: { password, ...tokens } = {} } = params;
    if (role !== "operator" && role !== "node") {
      throw connectErrors.ACCESS_ROLE_INVALID(`invalid role: expected operator or node, got ${JSON.stringify(role.slice(0, 40))}`);
    }
    if ((isBrowser(client) || door.headers.origin !== undefined) && !originAllowed(door, settings())) {
      throw connectErrors.CONTROL_UI_ORIGIN_NOT_ALLOWED(
        `origin not allowed: ${door.headers.origin ?? "none"} came to ${door.headers.host}; open the page from the gateway, or add its origin to allowedOrigins`,
      );
    }
    const { mode } = settings().auth;
    const shared = mode === "password" ? password || tokens.token : tokens.token || password;
    const verdict = await judge(door, shared);
    const suspects = suspectsAt(door, `${device?.id ?? client.id} ${door.headers.origin ?? ""}`.slice(0, 200));
    const isSure = !device && door.directLoopback && verdict === "RIGHT" && isUnguessable(shared);
    const refuseShut = () => {
      const retryAfterMs = lockout.shutMs(suspects);
      if (retryAfterMs > 0 && !isSure) throw authError("AUTH_RATE_LIMITED", { retryAfterMs });
    };
    refuseShut();
    const identity =
      device &&
      (await asked(({ identify }) => identify({ client, role, scopes: params.scopes, auth: tokens, device, nonce }, io)).catch((error) => {
        // Who guesses one is known by his address alone: what he says to be is what he cannot prove.
        if (hasCode(error, "DEVICE_AUTH_SIGNATURE_INVALID")) counted(suspects.slice(-1), door)(false);
        throw error;
      }));
    if (identity) {
      // Only now: a stranger who merely names a device cannot lock it out.
      const { attempts, lockMs } = settings().lockout;
      suspects.push({ key: identity.deviceId, attempts, lockMs });
      refuseShut();
    }

    // From here on nothing is awaited until the attempt is counted, so that many at once are not all judged by what was before them.
    const isRight = verdict === "RIGHT";
    const scopes = role === "node" ? [] : knownScopes(params.scopes ?? []);
    if (!identity && isRight) return { principal: "shared", role, scopes: withoutDevice(attempt, role, scopes), method: mode };
    if (!identity && (!shared || mode === "none")) throw connectErrors.DEVICE_IDENTITY_REQUIRED();

    const { deviceToken, bootstrapToken } = tokens;
    const isGuess = verdict === "MISMATCH" || (!isRight && (!!deviceToken || !!bootstrapToken));
    const end = isGuess ? counted(suspects, door) : () => undefined;
    if (identity) {
      const shown = isRight ? undefined : { deviceToken: deviceToken || tokens.token, bootstrapToken };
      const place = { remoteIp: clientAddress(door, settings().trustedProxies), directLoopback: door.directLoopback };
      const grant = await asked(({ admit }) => admit({ identity, client, role, scopes, ...place, shown }, io), end);
      if (grant) {
        const { method = mode, deviceToken, issuedAtMs } = grant;
        const { deviceId } = identity;
        const held = scopes.filter((scope) => allows(grant.scopes, scope));
        return { principal: deviceId, role, scopes: held, method, deviceId, deviceToken, issuedAtMs };
      }
    } else end(false);
    let code: AuthCode = mode === "none" || isRight ? "AUTH_UNAUTHORIZED" : `AUTH_${mode === "password" ? "PASSWORD" : "TOKEN"}_${verdict}`;
    if (deviceToken) code = "AUTH_DEVICE_TOKEN_MISMATCH";
    if (bootstrapToken) code = "AUTH_BOOTSTRAP_TOKEN_INVALID";
    throw authError(code, { canRetryWithDeviceToken: identity !== undefined && code === "AUTH_TOKEN_MISMATCH" });
  }

  return {
    connect,

    async request(door: Door): Promise<RequestDecision> {
      const owner = { ok: true, principal: "shared", scopes: ["operator.admin"] } as const;
      const bearer = /^Bearer +(\S.*)$/i.exec(door.headers.authorization ?? "")?.[1]?.trim();
      const isOpen = settings().auth.mode === "none";
      const isRight = (await judge(door, bearer)) === "RIGHT";
      if (isOpen && isRight) return mayAct(door, settings()) ? owner : { ok: false, status: 403 };
      const suspects = suspectsAt(door, "http");
      const retryAfterMs = lockout.shutMs(suspects);
      if (retryAfterMs > 0 && !(door.directLoopback && isRight && isUnguessable(bearer))) return { ok: false, status: 429, retryAfterMs };
      if (!bearer) return { ok: false, status: 401 };
      if (isRight) return owner;
      const end = counted(suspects, door);
      try {
        const found = await asked((authenticator) => authenticator.bearer({ token: bearer }, io), end);
        return found ? { ok: true, principal: found.deviceId, scopes: found.scopes } : { ok: false, status: 401 };
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        log.warn("access.bearer-not-judged", { error: errorMessage(error.cause ?? error) });
        return { ok: false, status: 503, message: error.message };
      }
    },
  };
}
