/** What a device may do that comes to the door (`protocol` section 1.5): known, asked for now, or brought by a link. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { sameSecret } from "@pincer/plugin-sdk/tokens";
import { plainFact } from "@pincer/plugin-sdk/wire/connect";
import { authError, type PairingReason, pairingError } from "@pincer/plugin-sdk/wire/connect-errors";
import { lacking } from "@pincer/plugin-sdk/wire/scopes";
import { type Ask, type Device, type Grant, grantOf, type Pairing, type PairRequest } from "./pairing.ts";

type Admit = Parameters<ImplementationOf<typeof authenticator>["admit"]>[0];

interface Admission {
  readonly grant: Grant;
  readonly method?: "device-token" | "bootstrap-token";
  /** It was approved just now: by what, and for which scopes. */
  readonly approved?: { readonly via: "silent" | "bootstrap"; readonly scopes: readonly WireScope[] };
}

const factChanged = (known: string | undefined, claimed: string | undefined) =>
  plainFact(known) !== "" && plainFact(known) !== plainFact(claimed);

const askOf = ({ identity, client, role, scopes, remoteIp }: Admit): Ask => ({
  identity,
  facts: {
    displayName: client.displayName,
    platform: client.platform,
    deviceFamily: client.deviceFamily,
    clientId: client.id,
    clientMode: client.mode,
    remoteIp,
  },
  role,
  scopes,
});

export function createAdmission(
  pairing: Pairing,
  parts: { readonly requested: (request: PairRequest) => void; readonly visited: (device: Device) => void },
) {
  async function refuse(ask: Ask, reason: PairingReason, device?: Device): Promise<never> {
    const { request, isNew } = await pairing.ask(ask, device !== undefined);
    if (isNew) parts.requested(request);
    const { identity, role, scopes, requestId } = request;
    throw pairingError(reason, {
      ...{ requestId, deviceId: identity.deviceId, requestedRole: role, requestedScopes: scopes },
      ...{ approvedRoles: device?.grants.map((grant) => grant.role) ?? [], approvedScopes: grantOf(device, role)?.scopes ?? [] },
    });
  }

  /** The grant whose token that is. */
  async function grantBy(device: Device | undefined, role: string, token: string | undefined): Promise<Grant | undefined> {
    const grant = grantOf(device, role);
    return device && grant && token && sameSecret(token, await pairing.tokenOf(device.deviceId, grant)) ? grant : undefined;
  }

  return {
    /** Whose the token of an operator's device is. It begins with the device's id. */
    async bearer(token: string): Promise<{ readonly deviceId: string; readonly grant: Grant } | undefined> {
      const [deviceId = ""] = token.split(".");
      const grant = await grantBy(await pairing.find(deviceId), "operator", token);
      return grant && { deviceId, grant };
    },

    /** In turn. Undefined when nothing that the device shows is right. */
    async admit(asked: Admit): Promise<Admission | undefined> {
      const ask = askOf(asked);
      const { shown, directLoopback } = asked;
      const { deviceId } = ask.identity;
      const device = await pairing.find(deviceId);
      const isToken = shown !== undefined && (await grantBy(device, ask.role, shown.deviceToken)) !== undefined;
      if (shown && !isToken) {
        const link = shown.bootstrapToken ? await pairing.useLink(shown.bootstrapToken, ask.role, deviceId) : undefined;
        if (!link) return undefined;
        const { grant } = await pairing.approve({ ...ask, scopes: link.scopes }, "bootstrap", link.used);
        return { grant, method: "bootstrap-token", approved: { via: "bootstrap", scopes: link.scopes } };
      }
      if (!device && directLoopback) {
        const { grant } = await pairing.approve(ask, "silent");
        return { grant, approved: { via: "silent", scopes: ask.scopes } };
      }
      if (!device) return refuse(ask, "not-paired");
      const grant = grantOf(device, ask.role);
      if (!grant) return refuse(ask, "role-upgrade", device);
      if (lacking(grant.scopes, ask.scopes).length > 0) {
        if (!isToken) return refuse(ask, "scope-upgrade", device);
        throw authError("AUTH_SCOPE_MISMATCH", { requestedScopes: ask.scopes, approvedScopes: grant.scopes });
      }
      const { platform, deviceFamily } = device.facts;
      if (factChanged(platform, ask.facts.platform) || factChanged(deviceFamily, ask.facts.deviceFamily)) {
        return refuse(ask, "metadata-upgrade", device);
      }
      parts.visited(device);
      return { grant, ...(isToken ? { method: "device-token" } : {}) };
    },
  };
}
