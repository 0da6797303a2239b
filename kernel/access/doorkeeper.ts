/** Decides who comes in, by WebSocket (`protocol` section 1.5) and by HTTP. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { isSecretReference } from "@pincer/plugin-sdk/sensitive";
import { type ConnectParams, plainFact } from "@pincer/plugin-sdk/wire/connect";
import { type AuthCode, authError, connectErrors, type PairingReason, pairingError } from "@pincer/plugin-sdk/wire/connect-errors";
import { allows, knownScopes, lacking } from "@pincer/plugin-sdk/wire/scopes";
import type { Audit } from "./audit.ts";
import type { Admitted, ConnectAttempt, ConnectDecision, Door, RequestDecision } from "./decision.ts";
import { type DeviceIdentity, verifyDevice } from "./device.ts";
import { clientAddress, isNear, mayAct, neighbourhood, originAllowed } from "./door.ts";
import { sameSecret } from "./keys.ts";
import { createLockout, type Suspect } from "./lockout.ts";
import { type Ask, type Device, type Grant, grantOf, type Pairing, type PairRequest } from "./pairing.ts";
import type { Secrets } from "./secrets.ts";
import type { AccessSettings } from "./settings.ts";

/** How somebody proved to be welcome: `issue` is that of the device token, `scopes` are what a bootstrap token brings along. */
interface Proof {
  readonly method: Admitted["method"];
  readonly issue?: string;
  readonly scopes?: readonly WireScope[];
}

type Client = ConnectParams["client"];
const isBrowser = ({ id }: Client) => id === "openclaw-control-ui" || id === "webchat" || id === "webchat-ui";
const isUi = ({ id, mode }: Client) => mode === "ui" || mode === "webchat" || id === "openclaw-tui" || id === "openclaw-control-ui";
const isLocalTool = ({ id, mode }: Client) => (id === "cli" && mode === "cli") || (id === "gateway-client" && mode === "backend");
const factChanged = (known: string | undefined, claimed: string | undefined) =>
  plainFact(known) !== "" && plainFact(known) !== plainFact(claimed);

function judge(came: string | undefined, expected: string | undefined): "NOT_CONFIGURED" | "MISSING" | "RIGHT" | "MISMATCH" {
  if (!expected) return "NOT_CONFIGURED";
  if (!came) return "MISSING";
  return sameSecret(came, expected) ? "RIGHT" : "MISMATCH";
}

export function createDoorkeeper(parts: {
  readonly pairing: Pairing;
  readonly audit: Audit;
  readonly secrets: Pick<Secrets, "get">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: () => AccessSettings;
  /** The token of the home's token file, for a configuration that names none. */
  readonly token: string;
  readonly requested: (request: PairRequest) => void;
}) {
  const { pairing, audit, secrets, clock, log, settings, token, requested } = parts;
  const lockout = createLockout(clock, () => settings().lockout);

  /**
   * On this machine everybody shares one address, so there each client is counted by itself: a page that keeps coming with an old token
   * shuts the door to itself alone. All of them together have more attempts and a shorter lock.
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

  /** The shared secret. The configuration may name one that is kept encrypted, instead of holding it. */
  const expectedSecret = async (): Promise<string | undefined> => {
    const { auth } = settings();
    const written: unknown = auth.mode === "password" ? auth.password : auth.token || token;
    if (!isSecretReference(written)) return written as string | undefined;
    return secrets.get(written.secret).catch((error) => {
      log.error("access.secret-unreadable", { name: written.secret, error: errorMessage(error) });
      return undefined;
    });
  };

  /** The grant whose token that is. */
  const grantBy = (device: Device | undefined, role: Role, came: string | undefined): Grant | undefined => {
    const grant = grantOf(device, role);
    return device && grant && came && sameSecret(came, pairing.tokenOf(device.deviceId, grant)) ? grant : undefined;
  };

  /** Resolves when a credential is right; throws, and counts the guess, when none is. */
  async function prove(
    { door, params: { auth = {} } }: ConnectAttempt,
    role: Role,
    identity: DeviceIdentity | undefined,
    suspects: readonly Suspect[],
    expected: string | undefined,
  ): Promise<Proof> {
    const { mode } = settings().auth;
    const shared = mode === "password" ? auth.password || auth.token : auth.token || auth.password;
    const verdict = mode === "none" ? (isNear(door, settings().trustedProxies) ? "RIGHT" : "MISSING") : judge(shared, expected);
    if (verdict === "RIGHT") return { method: mode };
    if (!identity && (!shared || mode === "none")) throw connectErrors.DEVICE_IDENTITY_REQUIRED();

    const isGuess = verdict === "MISMATCH" || !!auth.deviceToken || !!auth.bootstrapToken;
    const end = isGuess ? counted(suspects, door) : () => undefined;
    const proof = identity && (await proofOf(identity, role, auth));
    end(proof !== undefined);
    if (proof) return proof;
    let code: AuthCode = mode === "none" ? "AUTH_UNAUTHORIZED" : `AUTH_${mode === "password" ? "PASSWORD" : "TOKEN"}_${verdict}`;
    if (auth.deviceToken) code = "AUTH_DEVICE_TOKEN_MISMATCH";
    if (auth.bootstrapToken) code = "AUTH_BOOTSTRAP_TOKEN_INVALID";
    throw authError(code, { canRetryWithDeviceToken: identity !== undefined && code === "AUTH_TOKEN_MISMATCH" });
  }

  /** What a device can show instead of the shared secret. */
  async function proofOf({ deviceId }: DeviceIdentity, role: Role, auth: NonNullable<ConnectParams["auth"]>): Promise<Proof | undefined> {
    const grant = grantBy(await pairing.find(deviceId), role, auth.deviceToken || auth.token);
    if (grant) return { method: "device-token", issue: grant.issue };
    const scopes = auth.bootstrapToken ? await pairing.redeem(auth.bootstrapToken, role, deviceId) : undefined;
    return scopes && { method: "bootstrap-token", scopes };
  }

  /** The table of `protocol` section 1.5: who may come without a device once the secret is right. */
  function withoutDevice({ door, params: { client } }: ConnectAttempt, role: Role, scopes: WireScope[], { method }: Proof): Admitted {
    const admitted = { ok: true, principal: "shared", role, method } as const;
    if (role === "operator" && client.mode === "probe") return { ...admitted, scopes: [] };
    if (role === "operator" && isLocalTool(client) && door.directLoopback) return { ...admitted, scopes };
    if (role === "operator" && isUi(client)) throw connectErrors.CONTROL_UI_DEVICE_IDENTITY_REQUIRED();
    throw connectErrors.DEVICE_IDENTITY_REQUIRED();
  }

  async function refusePairing(ask: Ask, reason: PairingReason, device?: Device): Promise<never> {
    const { request, isNew } = await pairing.ask(ask, device !== undefined);
    if (isNew) requested(request);
    const { identity, role, scopes, requestId } = request;
    throw pairingError(reason, {
      ...{ requestId, deviceId: identity.deviceId, requestedRole: role, requestedScopes: scopes },
      ...{ approvedRoles: device?.grants.map((grant) => grant.role) ?? [], approvedScopes: grantOf(device, role)?.scopes ?? [] },
    });
  }

  /**
   * What the device may do in this role: known, asked for now, or brought by the bootstrap token. Behind the last look at the device
   * nothing is awaited, so that whoever is revoked meanwhile is either not let in or has a connection that can be closed.
   */
  async function grantFor(ask: Ask, { method, issue, scopes }: Proof, directLoopback: boolean): Promise<Grant> {
    const { deviceId } = ask.identity;
    let device = await pairing.find(deviceId);
    if (scopes || (!device && directLoopback)) {
      const via = scopes ? "bootstrap" : "silent";
      device = await pairing.approve({ ...ask, scopes: scopes ?? ask.scopes }, via);
      const resources = [deviceId, ask.role, ...(scopes ?? ask.scopes)];
      audit.note({ principal: via, action: "device.pair.approve", resources, outcome: "ok" });
    }
    if (!device) return refusePairing(ask, "not-paired");
    const grant = grantOf(device, ask.role);
    if (!grant) return refusePairing(ask, "role-upgrade", device);
    if (scopes) return grant;
    if (issue !== undefined && issue !== grant.issue) throw authError("AUTH_DEVICE_TOKEN_MISMATCH");
    if (lacking(grant.scopes, ask.scopes).length > 0) {
      if (method !== "device-token") return refusePairing(ask, "scope-upgrade", device);
      throw authError("AUTH_SCOPE_MISMATCH", { requestedScopes: ask.scopes, approvedScopes: grant.scopes });
    }
    const { platform, deviceFamily } = device.facts;
    if (factChanged(platform, ask.facts.platform) || factChanged(deviceFamily, ask.facts.deviceFamily)) {
      return refusePairing(ask, "metadata-upgrade", device);
    }
    pairing.seen(deviceId).catch((error) => log.warn("access.last-seen-not-kept", { deviceId, error: errorMessage(error) }));
    return grant;
  }

  async function admit(attempt: ConnectAttempt): Promise<Admitted> {
    const { door, params } = attempt;
    const { client, role = "operator" } = params;
    if (role !== "operator" && role !== "node") {
      throw connectErrors.ACCESS_ROLE_INVALID(`invalid role: expected operator or node, got ${JSON.stringify(role.slice(0, 40))}`);
    }
    if ((isBrowser(client) || door.headers.origin !== undefined) && !originAllowed(door, settings())) {
      throw connectErrors.CONTROL_UI_ORIGIN_NOT_ALLOWED(
        `origin not allowed: ${door.headers.origin ?? "none"} came to ${door.headers.host}; open the page from the gateway, or add its origin to allowedOrigins`,
      );
    }
    const expected = await expectedSecret();
    const suspects = suspectsAt(door, `${params.device?.id ?? client.id} ${door.headers.origin ?? ""}`.slice(0, 200));
    const refuseShut = () => {
      const retryAfterMs = Math.ceil(lockout.shutMs(suspects));
      if (retryAfterMs > 0) throw authError("AUTH_RATE_LIMITED", { retryAfterMs });
    };
    refuseShut();
    let identity: DeviceIdentity | undefined;
    if (params.device) {
      try {
        identity = verifyDevice(attempt, clock.now(), settings().signatureWindowMs);
      } catch (error) {
        if (hasCode(error, "DEVICE_AUTH_SIGNATURE_INVALID")) counted(suspects, door)(false);
        throw error;
      }
      // Only now: a stranger who merely names a device cannot lock it out.
      const { attempts, lockMs } = settings().lockout;
      suspects.push({ key: identity.deviceId, attempts, lockMs });
      refuseShut();
    }
    const scopes = role === "node" ? [] : knownScopes(params.scopes ?? []);
    const proof = await prove(attempt, role, identity, suspects, expected);
    if (!identity) return withoutDevice(attempt, role, scopes, proof);

    const { displayName, platform, deviceFamily, id: clientId, mode: clientMode } = client;
    const remoteIp = clientAddress(door, settings().trustedProxies);
    const ask: Ask = { identity, facts: { displayName, platform, deviceFamily, clientId, clientMode, remoteIp }, role, scopes };
    const grant = await grantFor(ask, proof, door.directLoopback);
    return {
      ...{ ok: true, principal: identity.deviceId, role, scopes: scopes.filter((scope) => allows(grant.scopes, scope)) },
      ...{ method: proof.method, deviceId: identity.deviceId, deviceToken: pairing.tokenOf(identity.deviceId, grant) },
      issuedAtMs: grant.issuedAtMs,
    };
  }

  return {
    async connect(attempt: ConnectAttempt): Promise<ConnectDecision> {
      try {
        return await admit(attempt);
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        return { ok: false, error, closeCode: error.wire === "UNAVAILABLE" ? 1013 : 1008 };
      }
    },

    async request(door: Door): Promise<RequestDecision> {
      const { auth, trustedProxies } = settings();
      const owner = { ok: true, principal: "shared", scopes: ["operator.admin"] } as const;
      if (auth.mode === "none" && isNear(door, trustedProxies)) return mayAct(door, settings()) ? owner : { ok: false, status: 403 };
      const expected = await expectedSecret();
      const suspects = suspectsAt(door, "http");
      const retryAfterMs = Math.ceil(lockout.shutMs(suspects));
      if (retryAfterMs > 0) return { ok: false, status: 429, retryAfterMs };
      const bearer = /^Bearer +(\S.*)$/i.exec(door.headers.authorization ?? "")?.[1]?.trim();
      if (!bearer) return { ok: false, status: 401 };
      if (auth.mode !== "none" && judge(bearer, expected) === "RIGHT") return owner;
      const end = counted(suspects, door);
      const [deviceId = ""] = bearer.split(".");
      const grant = grantBy(await pairing.find(deviceId), "operator", bearer);
      end(grant !== undefined);
      return grant ? { ok: true, principal: deviceId, scopes: grant.scopes } : { ok: false, status: 401 };
    },
  };
}
