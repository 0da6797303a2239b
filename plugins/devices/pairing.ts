/**
 * What is remembered of devices: who was approved for which role and scopes, who asks to be, and which login links are open. Everything
 * here reads, decides and writes at once; whoever calls does so in turn.
 */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { keyed, randomToken } from "@pincer/plugin-sdk/tokens";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import type { DevicesConfig } from "./config.ts";
import type { DeviceFacts } from "./methods.ts";
import type { DeviceIdentity } from "./signature.ts";

/** A device that wants to be let in, and as what. */
export interface Ask {
  readonly identity: DeviceIdentity;
  readonly facts: DeviceFacts;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
}

export interface PairRequest extends Ask {
  readonly requestId: string;
  /** The device is paired already and asks for more, or anew. */
  readonly isRepair: boolean;
  readonly ts: number;
}

/** What a device may do in one role. Its token is derived from `issue`, which is new for every token and never used again. */
export interface Grant {
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  readonly issue: string;
  readonly issuedAtMs: number;
}

export interface Device extends DeviceIdentity {
  readonly label?: string;
  readonly facts: DeviceFacts;
  readonly approvedVia: "silent" | "bootstrap" | "operator";
  readonly createdAtMs: number;
  readonly approvedAtMs: number;
  readonly grants: readonly Grant[];
}

/** As a list shows it. */
export type SeenDevice = Device & { readonly lastSeenAtMs: number };

/** Apart from the device, since it is written at every visit; all that is looked through when room is made. */
interface Visit {
  readonly at: number;
  readonly silent: boolean;
}

/** A token that pairs one device, once. */
interface Link {
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Who used it. */
  readonly deviceId?: string;
}

type Changes = Readonly<Record<string, unknown>>;
const keyOf = {
  device: (deviceId: string) => `device/${deviceId}`,
  visit: (deviceId: string) => `visit/${deviceId}`,
  /** A device asks one thing at a time. */
  request: (deviceId: string) => `request/${deviceId}`,
  link: (hash: string) => `link/${hash}`,
};
const gone = (keys: readonly string[]): Changes => Object.fromEntries(keys.map((key) => [key, undefined]));
const newest = <T>(values: readonly T[], when: (value: T) => number): T[] => [...values].sort((a, b) => when(b) - when(a));

export const grantOf = (device: Device | undefined, role: string): Grant | undefined => device?.grants.find((grant) => grant.role === role);

const withGrant = (device: Device | undefined, grant: Grant): readonly Grant[] => [
  ...(device?.grants.filter(({ role }) => role !== grant.role) ?? []),
  grant,
];

export type Pairing = ReturnType<typeof createPairing>;

export function createPairing(
  store: KeyValueStore,
  clock: Clock,
  config: () => DevicesConfig,
  keyFor: (purpose: "device-token" | "bootstrap") => Promise<Uint8Array>,
) {
  const find = (deviceId: string) => store.get<Device>(keyOf.device(deviceId));
  const hashOf = async (token: string) => keyOf.link(keyed(await keyFor("bootstrap"), token));
  const isWaiting = ({ ts }: PairRequest) => ts > clock.now() - config().requestTtlMs;
  const requested = async () => (await store.list<PairRequest>("request/")).map(({ value }) => value);

  /** The links that it came by, which may still be good for it. */
  const linksOf = async (deviceId: string) =>
    (await store.list<Link>("link/")).flatMap(({ key, value }) => (value.deviceId === deviceId ? key : []));

  const tooMany = async (newcomer: string): Promise<Changes> => {
    const silent = (await store.list<Visit>("visit/")).filter(({ key, value }) => value.silent && key !== keyOf.visit(newcomer));
    const leaving = newest(silent, ({ value }) => value.at).slice(config().maxSilentDevices - 1);
    return gone(leaving.flatMap(({ key }) => [key, key.replace("visit/", "device/")]));
  };

  return {
    find,

    /** In the order in which they came, with the time of their last visit. */
    async list(): Promise<SeenDevice[]> {
      const visits = new Map((await store.list<Visit>("visit/")).map(({ key, value }) => [key, value.at]));
      const devices = (await store.list<Device>("device/")).map(({ value }) => value);
      const seen = ({ deviceId, createdAtMs }: Device) => visits.get(keyOf.visit(deviceId)) ?? createdAtMs;
      return devices.map((device) => ({ ...device, lastSeenAtMs: seen(device) })).sort((a, b) => a.createdAtMs - b.createdAtMs);
    },

    requests: async () => (await requested()).filter(isWaiting).sort((a, b) => a.ts - b.ts),

    /**
     * Derived on demand instead of stored: a reconnect gets the same token, a rotation needs one row, and whoever reads the database
     * alone has no token, since the key is in the home's key file. It begins with the device's id, so that HTTP can find its row.
     */
    tokenOf: async (deviceId: string, { role, issue }: Grant) =>
      `${deviceId}.${keyed(await keyFor("device-token"), deviceId, role, issue)}`,

    /** Adds the role and scopes to what the device has, in one step with `also`. A token that it holds stays good. */
    async approve({ identity, facts, role, scopes }: Ask, approvedVia: Device["approvedVia"], also: Changes = {}) {
      const { deviceId } = identity;
      const known = await find(deviceId);
      const now = clock.now();
      const held = grantOf(known, role) ?? { scopes: [], issue: crypto.randomUUID(), issuedAtMs: now };
      const grant: Grant = { ...held, role, scopes: knownScopes([...held.scopes, ...scopes]) };
      const device: Device = {
        ...{ createdAtMs: now, ...known, ...identity, facts, approvedVia, approvedAtMs: now },
        grants: withGrant(known, grant),
      };
      const silent = approvedVia === "silent";
      // Who was approved by somebody else is not here himself.
      const before = approvedVia === "operator" ? await store.get<Visit>(keyOf.visit(deviceId)) : undefined;
      const visit: Visit = { at: before?.at ?? now, silent };
      const leaving = silent ? await tooMany(deviceId) : {};
      await store.set({ [keyOf.device(deviceId)]: device, [keyOf.visit(deviceId)]: visit, ...also, ...leaving });
      return { device: { ...device, lastSeenAtMs: visit.at } satisfies SeenDevice, grant };
    },

    /** Its tokens are never good again, not even after it is paired anew. */
    remove: async (deviceId: string) =>
      store.set(gone([keyOf.device(deviceId), keyOf.visit(deviceId), keyOf.request(deviceId), ...(await linksOf(deviceId))])),

    /** Ends the token of a role and makes the next one possible; `scopes` can only narrow. Undefined when the device has no such role. */
    async renew(deviceId: string, role: string, scopes?: readonly WireScope[]): Promise<Grant | undefined> {
      const known = await find(deviceId);
      const held = grantOf(known, role);
      if (!known || !held) return undefined;
      const kept = scopes?.filter((scope) => allows(held.scopes, scope)) ?? held.scopes;
      const grant: Grant = { ...held, issue: crypto.randomUUID(), issuedAtMs: clock.now(), scopes: kept };
      const device: Device = { ...known, grants: withGrant(known, grant) };
      await store.set({ [keyOf.device(deviceId)]: device, ...gone(await linksOf(deviceId)) });
      return grant;
    },

    /** False when there is no such device. */
    async rename(deviceId: string, label: string): Promise<boolean> {
      const known = await find(deviceId);
      if (known) await store.set({ [keyOf.device(deviceId)]: { ...known, label } satisfies Device });
      return known !== undefined;
    },

    visited: ({ deviceId, approvedVia }: Device) =>
      store.set({ [keyOf.visit(deviceId)]: { at: clock.now(), silent: approvedVia === "silent" } satisfies Visit }),

    /** The same question asked again keeps its request; another one by the same device replaces it. */
    async ask(ask: Ask, isRepair: boolean): Promise<{ readonly request: PairRequest; readonly isNew: boolean }> {
      const all = await requested();
      const { deviceId } = ask.identity;
      const before = all.find(({ identity }) => identity.deviceId === deviceId);
      const same =
        before && isWaiting(before) && Bun.deepEquals({ ...before, requestId: 0, ts: 0 }, { ...ask, isRepair, requestId: 0, ts: 0 });
      const request: PairRequest = { ...ask, isRepair, requestId: same ? before.requestId : crypto.randomUUID(), ts: clock.now() };
      const others = all.filter(({ identity }) => identity.deviceId !== deviceId);
      const kept = new Set(newest(others.filter(isWaiting), ({ ts }) => ts).slice(0, config().maxRequests - 1));
      const dropped = others.filter((other) => !kept.has(other)).map(({ identity }) => keyOf.request(identity.deviceId));
      await store.set({ ...gone(dropped), [keyOf.request(deviceId)]: request });
      return { request, isNew: !same };
    },

    /** What answers a request, to be written with the answer. */
    answered: ({ identity }: PairRequest): Changes => gone([keyOf.request(identity.deviceId)]),
    reject: ({ identity }: PairRequest) => store.set(gone([keyOf.request(identity.deviceId)])),

    /** A token that pairs one device, once. Only its hash is stored. */
    async issueLink(role: Role, scopes: readonly WireScope[]) {
      const now = clock.now();
      const token = randomToken();
      const expiresAtMs = now + config().bootstrapTtlMs;
      const others = await store.list<Link>("link/");
      const good = newest(
        others.filter(({ value }) => value.expiresAtMs > now),
        ({ value }) => value.issuedAtMs,
      );
      const kept = new Set(good.slice(0, config().maxRequests - 1));
      await store.set({
        ...gone(others.filter((other) => !kept.has(other)).map(({ key }) => key)),
        [await hashOf(token)]: { role, scopes, issuedAtMs: now, expiresAtMs } satisfies Link,
      });
      return { token, expiresAtMs };
    },

    /**
     * The scopes that a link brings, and what marks it as used, to be written with what it was used for. For some seconds it stays good
     * for the same device, whose answer may have been lost on its way: a page that was reloaded. Undefined when it is unknown, used, too
     * old, or for another role.
     */
    async useLink(token: string, role: Role, deviceId: string) {
      const now = clock.now();
      const key = await hashOf(token);
      const link = await store.get<Link>(key);
      if (!link || link.role !== role || link.expiresAtMs <= now || (link.deviceId ?? deviceId) !== deviceId) return undefined;
      const until = Math.min(link.expiresAtMs, now + config().bootstrapRepeatMs);
      const used: Link = link.deviceId === undefined ? { ...link, deviceId, expiresAtMs: until } : link;
      return { scopes: link.scopes, used: { [key]: used } };
    },
  };
}
