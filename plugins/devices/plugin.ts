import { definePlugin } from "@pincer/plugin-sdk";
import { bootstrap } from "@pincer/plugin-sdk/contracts/bootstrap";
import { callerOf, devices, type PairedDevice } from "@pincer/plugin-sdk/contracts/devices";
import { type Role, type WireScope, wireScopes } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";

/** What a setup code brings, by profile; `full` is its absence. */
const profiles: Readonly<Record<"full" | "limited" | "node", { readonly role: Role; readonly scopes: readonly WireScope[] }>> = {
  full: { role: "operator", scopes: wireScopes },
  limited: { role: "operator", scopes: ["operator.read", "operator.write", "operator.approvals", "operator.questions"] },
  node: { role: "node", scopes: [] },
};
const page: readonly WireScope[] = ["operator.read", "operator.write"];

const shown = ({ grants, facts, ...device }: PairedDevice) => ({
  ...{ ...device, ...facts, roles: grants.map(({ role }) => role) },
  scopes: wireScopes.filter((scope) => grants.some(({ scopes }) => scopes.includes(scope))),
  tokens: grants.map(({ role, scopes, issuedAtMs }) => ({ role, scopes, createdAtMs: issuedAtMs })),
});

export default definePlugin({
  uses: { devices, bootstrap },

  setup({ method, uses }) {
    method(methods.pairList, async (_params, call) => {
      const { pending, paired } = await uses.devices.list({}, call);
      return { pending, paired: paired.map(shown) };
    });
    method(methods.pairApprove, async ({ requestId }, call) => ({
      requestId,
      device: shown(await uses.devices.approve({ requestId, caller: callerOf(call) }, call)),
    }));
    method(methods.pairReject, async ({ requestId }, call) => ({
      requestId,
      ...(await uses.devices.reject({ requestId, caller: callerOf(call) }, call)),
    }));
    method(methods.pairRemove, async ({ deviceId }, call) => {
      await uses.devices.remove({ deviceId, caller: callerOf(call) }, call);
      return { deviceId };
    });
    method(methods.pairRename, async (params, call) => {
      await uses.devices.rename({ ...params, caller: callerOf(call) }, call);
      return params;
    });

    method(methods.tokenRotate, async (params, call) => {
      const { issuedAtMs, scopes, token } = await uses.devices.renewToken({ ...params, tell: true, caller: callerOf(call) }, call);
      const told = token === undefined ? { tokenDelivery: "withheld-cross-device" } : { token, tokenDelivery: "in-band" };
      return { ...params, scopes, rotatedAtMs: issuedAtMs, ...told };
    });
    method(methods.tokenRevoke, async (params, call) => {
      const { issuedAtMs } = await uses.devices.renewToken({ ...params, caller: callerOf(call) }, call);
      return { ...params, revokedAtMs: issuedAtMs };
    });

    method(methods.setupCode, async ({ publicUrl: asked, bootstrapProfile: access = "full" as const }, call) => {
      const { url, publicUrl, authMode } = await uses.bootstrap.gateway({}, call);
      const { token, expiresAtMs } = await uses.bootstrap.issue(
        { role: profiles[access].role, scopes: [...profiles[access].scopes], caller: callerOf(call) },
        call,
      );
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
      const { url } = await uses.bootstrap.gateway({}, call);
      const { token, expiresAtMs } = await uses.bootstrap.issue({ role: "operator", scopes: [...page], caller: callerOf(call) }, call);
      return { url: `${url.replace(/\/$/, "")}/#login=${token}`, expiresAtMs };
    });
    method(methods.identityGet, async (_params, call) => {
      const { deviceId, publicKey } = await uses.bootstrap.gateway({}, call);
      return { deviceId, publicKey };
    });
  },
});
