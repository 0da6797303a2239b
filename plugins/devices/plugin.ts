import { definePlugin } from "@pincer/plugin-sdk";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { keys } from "@pincer/plugin-sdk/contracts/keys";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Role, type WireScope, wireScopes } from "@pincer/plugin-sdk/method";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { createAdmission } from "./admission.ts";
import { DevicesConfig } from "./config.ts";
import { createManagement } from "./management.ts";
import * as methods from "./methods.ts";
import { createPairing, type PairRequest, type SeenDevice } from "./pairing.ts";
import { gatewayIdentity, verifyDevice } from "./signature.ts";

/** What a setup code brings, by profile; `full` is its absence. */
const profiles: Readonly<Record<"full" | "limited" | "node", { readonly role: Role; readonly scopes: readonly WireScope[] }>> = {
  full: { role: "operator", scopes: wireScopes },
  limited: { role: "operator", scopes: ["operator.read", "operator.write", "operator.approvals", "operator.questions"] },
  node: { role: "node", scopes: [] },
};
/** Whoever may ask for a login link may do everything; so may the page that they open by it. */
const page: readonly WireScope[] = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];

const shownRequest = ({ identity, facts, role, scopes, ...request }: PairRequest) => ({
  ...{ ...identity, ...facts, ...request, role, roles: [role], scopes: [...scopes], silent: false },
});

export default definePlugin({
  config: DevicesConfig,
  uses: { audit, gateway, keys },

  setup(ctx) {
    const { clock, log, method, emit, uses } = ctx;
    /** Not the caller's: what was begun is done, and recorded, also when it ends the caller's own connection. */
    const io = { signal: new AbortController().signal };
    const derived = new Map<string, Promise<Uint8Array>>();
    const keyFor = (purpose: "device-token" | "bootstrap" | "identity") =>
      derived.getOrInsertComputed(purpose, async () => (await uses.keys.derive({ purpose }, io)).key);
    const pairing = createPairing(ctx.store, clock, () => ctx.config, keyFor);
    const inTurn = createQueue();
    const record = (principal: string, action: string, resources: readonly string[], outcome: "ok" | "refused" = "ok") =>
      uses.audit.append({ principal, action, resources: [...resources], outcome }, io);
    const admission = createAdmission(pairing, {
      requested: (request) => emit(methods.pairRequested, shownRequest(request)),
      visited: (device) =>
        pairing
          .visited(device)
          .catch((error) => log.warn("devices.last-seen-not-kept", { deviceId: device.deviceId, error: errorMessage(error) })),
    });
    const management = createManagement({
      ...{ pairing, inTurn, record },
      disconnect: (revocation) => uses.gateway.disconnect(revocation, io),
      answered: ({ requestId, identity: { deviceId } }, decision) =>
        emit(methods.pairResolved, { requestId, deviceId, decision, ts: clock.now() }),
    });

    ctx.event(methods.pairRequested);
    ctx.event(methods.pairResolved);
    ctx.provide(
      authenticator,
      "devices",
      {},
      {
        identify: async (signed) => verifyDevice(signed, clock.now(), ctx.config.signatureWindowMs),

        async admit(asked) {
          const admitted = await inTurn(() => admission.admit(asked));
          if (!admitted) return null;
          const { deviceId } = asked.identity;
          const { grant, method, approved } = admitted;
          if (approved) {
            // Somebody who was let in is not turned away because the disk is full.
            await record(approved.via, "device.pair.approve", [deviceId, grant.role, ...approved.scopes]).catch((error) =>
              log.error("devices.approval-not-recorded", { deviceId, error: errorMessage(error) }),
            );
          }
          const deviceToken = await pairing.tokenOf(deviceId, grant);
          return { ...(method && { method }), scopes: [...grant.scopes], deviceToken, issuedAtMs: grant.issuedAtMs };
        },

        async bearer({ token }) {
          const found = await admission.bearer(token);
          return found ? { deviceId: found.deviceId, scopes: [...found.grant.scopes] } : null;
        },
      },
    );

    /** How it shows devices, with who is connected just now. */
    const shown = async () => {
      const { connections } = await uses.gateway.connections({}, io);
      return ({ grants, facts, ...device }: SeenDevice) => ({
        ...{ ...device, ...facts, connected: connections.some(({ deviceId }) => deviceId === device.deviceId) },
        roles: grants.map(({ role }) => role),
        scopes: wireScopes.filter((scope) => grants.some(({ scopes }) => scopes.includes(scope))),
        tokens: grants.map(({ role, scopes, issuedAtMs }) => ({ role, scopes: [...scopes], createdAtMs: issuedAtMs })),
      });
    };
    method(methods.pairList, async () => ({
      pending: (await pairing.requests()).map(shownRequest),
      paired: (await pairing.list()).map(await shown()),
    }));
    method(methods.pairApprove, async ({ requestId }, call) => {
      const device = await management.approve(requestId, call);
      return { requestId, device: (await shown())(device) };
    });
    method(methods.pairReject, async ({ requestId }, call) => ({ requestId, deviceId: await management.reject(requestId, call) }));
    method(methods.pairRemove, async ({ deviceId }, call) => {
      await management.remove(deviceId, call);
      return { deviceId };
    });
    method(methods.pairRename, async (params, call) => {
      await management.rename(params.deviceId, params.label, call);
      return params;
    });

    method(methods.tokenRotate, async (params, call) => {
      const { grant, token } = await management.renew("rotate", params, call);
      const told = token === undefined ? { tokenDelivery: "withheld-cross-device" } : { token, tokenDelivery: "in-band" };
      return { ...params, scopes: [...grant.scopes], rotatedAtMs: grant.issuedAtMs, ...told };
    });
    method(methods.tokenRevoke, async (params, call) => {
      const { grant } = await management.renew("revoke", params, call);
      return { ...params, revokedAtMs: grant.issuedAtMs };
    });

    method(methods.setupCode, async ({ publicUrl: asked, bootstrapProfile: access = "full" as const }, call) => {
      const { url, publicUrl, authMode } = await uses.gateway.about({}, call);
      const { token, expiresAtMs } = await management.issueLink(profiles[access].role, profiles[access].scopes, call);
      const gatewayUrl = asked ?? publicUrl ?? url.replace(/^http/, "ws");
      return {
        setupCode: Buffer.from(JSON.stringify({ url: gatewayUrl, bootstrapToken: token })).toString("base64url"),
        gatewayUrl,
        auth: authMode === "password" ? "password" : "token",
        urlSource: asked ? "params" : publicUrl ? "configuration" : "bind",
        access,
        expiresAtMs,
      };
    });
    /** Its code stands in the fragment, which no server and no log sees. */
    method(methods.loginLink, async (_params, call) => {
      const { url } = await uses.gateway.about({}, call);
      const { token, expiresAtMs } = await management.issueLink("operator", page, call);
      return { url: `${url.replace(/\/$/, "")}/#login=${token}`, expiresAtMs };
    });
    method(methods.identityGet, async () => gatewayIdentity(await keyFor("identity")));
  },
});
