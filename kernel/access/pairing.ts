/** What the store remembers of devices: who was approved for which role and scopes, who asks to be, and which login links are open. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { PairedDevice } from "@pincer/plugin-sdk/contracts/devices";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import type { Row, Statement, Store } from "../../store/store.ts";
import type { DeviceIdentity } from "./device.ts";
import { type Keys, keyed, randomToken } from "./keys.ts";
import type { AccessSettings } from "./settings.ts";

export const pairingSchema = `
  create table access_device (device_id text primary key, via text not null, seen_at integer not null, body text not null) strict;
  create table access_request (request_id text primary key, device_id text not null unique, ask text not null, ts integer not null) strict;
  create table access_bootstrap (hash text primary key, role text not null, scopes text not null, expires_at integer not null) strict;`;
export const bootstrapSchema = "alter table access_bootstrap add column device_id text";

/** A device that wants to be let in, and as what. */
export interface Ask {
  readonly identity: DeviceIdentity;
  readonly facts: PairedDevice["facts"];
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

export type Device = Omit<PairedDevice, "connected" | "grants"> & { readonly grants: readonly Grant[] };

const toDevice = (row: Row): Device => ({ ...JSON.parse(row.body as string), lastSeenAtMs: row.seen_at });
const toRequest = (row: Row): PairRequest => ({ ...JSON.parse(row.ask as string), requestId: row.request_id, ts: row.ts });

export const grantOf = (device: Device | undefined, role: string): Grant | undefined => device?.grants.find((grant) => grant.role === role);

const withGrant = (device: Device | undefined, grant: Grant): readonly Grant[] => [
  ...(device?.grants.filter(({ role }) => role !== grant.role) ?? []),
  grant,
];

export type Pairing = ReturnType<typeof createPairing>;

export function createPairing(store: Store, clock: Clock, keys: Pick<Keys, "derive">, settings: () => AccessSettings) {
  const tokenKey = keys.derive("device-token");
  const bootstrapKey = keys.derive("bootstrap");
  const inTurn = createQueue();
  const oldestRequest = () => clock.now() - settings().pairing.requestTtlMs;
  const find = async (deviceId: string) => (await store.read("select * from access_device where device_id = ?", deviceId)).map(toDevice)[0];
  const requests = async () => (await store.read("select * from access_request where ts > ? order by ts", oldestRequest())).map(toRequest);
  /** The link that it came by, which may still be good for it. */
  const linkOf = (deviceId: string): Statement => ["delete from access_bootstrap where device_id = ?", deviceId];
  const save = async (device: Device, ...also: Statement[]): Promise<Device> => {
    const { deviceId, approvedVia, lastSeenAtMs } = device;
    const upsert = "insert into access_device values (?1, ?2, ?3, ?4) on conflict (device_id) do update set via = ?2, body = ?4";
    await store.write([upsert, deviceId, approvedVia, lastSeenAtMs, JSON.stringify(device)], ...also);
    return device;
  };

  return {
    find,
    list: async () => (await store.read("select * from access_device order by rowid")).map(toDevice),
    requests,

    /**
     * Derived on demand instead of stored: a reconnect gets the same token, a rotation needs one row, and whoever reads the database
     * alone has no token, since the key is in the home's key file. It begins with the device's id, so that HTTP can find its row.
     */
    tokenOf: (deviceId: string, { role, issue }: Grant) => `${deviceId}.${keyed(tokenKey, deviceId, role, issue)}`,

    /**
     * Adds the role and scopes to what the device has, and answers the request if there was one. A token that it holds stays good.
     * Undefined when that request waits no more.
     */
    approve: ({ identity, facts, role, scopes }: Ask, approvedVia: Device["approvedVia"], requestId?: string) =>
      inTurn(async () => {
        if (requestId !== undefined && !(await requests()).some((waiting) => waiting.requestId === requestId)) return undefined;
        const known = await find(identity.deviceId);
        // Two that come at once as the same stranger are one: the second must ask like anybody who is known.
        if (known && approvedVia === "silent") return known;
        const now = clock.now();
        const held = grantOf(known, role) ?? { scopes: [], issue: crypto.randomUUID(), issuedAtMs: now };
        const grants = withGrant(known, { ...held, role, scopes: knownScopes([...held.scopes, ...scopes]) });
        return save(
          { createdAtMs: now, lastSeenAtMs: now, ...known, ...identity, facts, approvedVia, approvedAtMs: now, grants },
          ["delete from access_request where request_id = ?", requestId ?? null],
          [
            `delete from access_device where via = 'silent' and device_id not in
             (select device_id from access_device where via = 'silent' order by seen_at desc, rowid desc limit ?)`,
            settings().pairing.maxSilentDevices,
          ],
        );
      }),

    /** Its tokens are never good again, not even after it is paired anew. */
    remove: (deviceId: string) =>
      inTurn(() => {
        const request: Statement = ["delete from access_request where device_id = ?", deviceId];
        return store.write(["delete from access_device where device_id = ?", deviceId], request, linkOf(deviceId));
      }),

    /** Ends the token of a role and makes the next one possible; `scopes` can only narrow. Undefined when the device has no such role. */
    renew: (deviceId: string, role: string, scopes?: readonly WireScope[]) =>
      inTurn(async () => {
        const known = await find(deviceId);
        const held = grantOf(known, role);
        if (!known || !held) return undefined;
        const kept = scopes?.filter((scope) => allows(held.scopes, scope)) ?? held.scopes;
        const grant: Grant = { ...held, issue: crypto.randomUUID(), issuedAtMs: clock.now(), scopes: kept };
        await save({ ...known, grants: withGrant(known, grant) }, linkOf(deviceId));
        return grant;
      }),

    rename: (deviceId: string, label: string) =>
      inTurn(async () => {
        const known = await find(deviceId);
        return known && save({ ...known, label });
      }),

    seen: (deviceId: string) => store.write(["update access_device set seen_at = ? where device_id = ?", clock.now(), deviceId]),

    /** The same question asked again keeps its request; another one by the same device replaces it. */
    async ask(ask: Ask, isRepair: boolean): Promise<{ request: PairRequest; isNew: boolean }> {
      const requestId = crypto.randomUUID();
      const { deviceId } = ask.identity;
      const text = JSON.stringify({ ...ask, isRepair });
      const insert = "insert into access_request values (?, ?, ?, ?) on conflict (device_id) do update set ts = excluded.ts returning *";
      const bound = "delete from access_request where rowid not in (select rowid from access_request order by ts desc, rowid desc limit ?)";
      const [, rows = []] = await store.write(
        ["delete from access_request where ts <= ? or (device_id = ? and ask <> ?)", oldestRequest(), deviceId, text],
        [insert, requestId, deviceId, text, clock.now()],
        [bound, settings().pairing.maxRequests],
      );
      const request = toRequest(rows[0] as Row);
      return { request, isNew: request.requestId === requestId };
    },

    reject: (requestId: string) =>
      inTurn(async () => {
        const remove = "delete from access_request where request_id = ? and ts > ? returning *";
        const [rows = []] = await store.write([remove, requestId, oldestRequest()]);
        return rows.map(toRequest)[0];
      }),

    /** A token that pairs one device, once. Only its hash is stored. */
    async issueBootstrap(role: Role, scopes: readonly WireScope[]) {
      const token = randomToken();
      const expiresAtMs = clock.now() + settings().bootstrapTtlMs;
      await store.write(
        ["delete from access_bootstrap where expires_at <= ?", clock.now()],
        ["insert into access_bootstrap values (?, ?, ?, ?, null)", keyed(bootstrapKey, token), role, JSON.stringify(scopes), expiresAtMs],
        [
          "delete from access_bootstrap where rowid not in (select rowid from access_bootstrap order by rowid desc limit ?)",
          settings().pairing.maxRequests,
        ],
      );
      return { token, expiresAtMs };
    },

    /**
     * Uses the token up. For some seconds it stays good for the same device, whose answer may have been lost on its way: a page that was
     * reloaded. Undefined when it is unknown, used, too old, or for another role.
     */
    async redeem(token: string, role: Role, deviceId: string) {
      const now = clock.now();
      const [rows = []] = await store.write([
        `update access_bootstrap set device_id = ?1, expires_at = iif(device_id is null, min(expires_at, ?2), expires_at)
         where hash = ?3 and role = ?4 and expires_at > ?5 and coalesce(device_id, ?1) = ?1 returning scopes`,
        ...[deviceId, now + settings().bootstrapRepeatMs, keyed(bootstrapKey, token), role, now],
      ]);
      return rows.map((row) => knownScopes(JSON.parse(row["scopes"] as string)))[0];
    },
  };
}
