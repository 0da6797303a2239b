/** What the store remembers of devices: who was approved for which role and scopes, who asks to be, and which login links are open. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { PairedDevice } from "@pincer/plugin-sdk/contracts/devices";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import type { Row, Statement, Store } from "../store/store.ts";
import type { DeviceIdentity } from "./device.ts";
import { type Keys, keyed, randomToken } from "./keys.ts";
import { createQueue } from "./queue.ts";
import type { AccessSettings } from "./settings.ts";

export const pairingSchema = `
  create table access_device (device_id text primary key, via text not null, seen_at integer not null, body text not null) strict;
  create table access_request (request_id text primary key, device_id text not null unique, ask text not null, ts integer not null) strict;
  create table access_bootstrap (hash text primary key, role text not null, scopes text not null, expires_at integer not null) strict;`;
export const bootstrapSchema = "alter table access_bootstrap add column device_id text";

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

export type Pairing = ReturnType<typeof createPairing>;

export function createPairing(store: Store, clock: Clock, keys: Pick<Keys, "derive">, settings: () => AccessSettings) {
  const tokenKey = keys.derive("device-token");
  const bootstrapKey = keys.derive("bootstrap");
  const inTurn = createQueue();
  const oldestRequest = () => clock.now() - settings().pairing.requestTtlMs;
  const find = async (deviceId: string) => (await store.read("select * from access_device where device_id = ?", deviceId)).map(toDevice)[0];

  /** The link that it came by, which may still be good for it. */
  const linkOf = (deviceId: string): Statement => ["delete from access_bootstrap where device_id = ?", deviceId];
  const requests = async () => (await store.read("select * from access_request where ts > ? order by ts", oldestRequest())).map(toRequest);

  const change = (
    deviceId: string,
    next: (known: Device | undefined) => Device | undefined | Promise<Device | undefined>,
    ...also: Statement[]
  ) =>
    inTurn(async () => {
      const device = await next(await find(deviceId));
      if (!device) return undefined;
      const body = JSON.stringify(device);
      await store.write(
        [
          "insert into access_device values (?1, ?2, ?3, ?4) on conflict (device_id) do update set via = ?2, body = ?4",
          ...[deviceId, device.approvedVia, device.lastSeenAtMs, body],
        ],
        ...also,
      );
      return device;
    });

  return {
    find,
    list: async () => (await store.read("select * from access_device order by rowid")).map(toDevice),

    /**
     * Derived on demand instead of stored: a reconnect gets the same token, a rotation needs one row, and whoever reads the database
     * alone has no token, since the key is in the home's key file. It begins with the device's id, so that HTTP can find its row.
     */
    tokenOf: (deviceId: string, { role, issue }: Grant) => `${deviceId}.${keyed(tokenKey, deviceId, role, issue)}`,

    /**
     * Adds the role and scopes to what the device has, and answers the request if there was one. A token that it holds stays good.
     * Undefined when that request waits no more.
     */
    async approve({ identity, facts, role, scopes }: Ask, approvedVia: Device["approvedVia"], requestId?: string) {
      const now = clock.now();
      const approved = async (known: Device | undefined): Promise<Device | undefined> => {
        if (requestId !== undefined && !(await requests()).some((waiting) => waiting.requestId === requestId)) return undefined;
        // Two that come at once as the same stranger are one: the second must ask like anybody who is known.
        if (known && approvedVia === "silent") return known;
        const held = grantOf(known, role) ?? { scopes: [], issue: crypto.randomUUID(), issuedAtMs: now };
        const grant: Grant = { ...held, role, scopes: knownScopes([...held.scopes, ...scopes]) };
        const grants = [...(known?.grants ?? []).filter((other) => other.role !== role), grant];
        return { createdAtMs: now, lastSeenAtMs: now, ...known, ...identity, facts, approvedVia, approvedAtMs: now, grants };
      };
      const answered: Statement = ["delete from access_request where request_id = ?", requestId ?? null];
      const bounded: Statement = [
        `delete from access_device where via = 'silent' and device_id not in
         (select device_id from access_device where via = 'silent' order by seen_at desc, rowid desc limit ?)`,
        settings().pairing.maxSilentDevices,
      ];
      return change(identity.deviceId, approved, answered, bounded);
    },

    /** Its tokens are never good again, not even after it is paired anew. */
    remove: (deviceId: string) =>
      inTurn(() =>
        store.write(
          ["delete from access_device where device_id = ?", deviceId],
          ["delete from access_request where device_id = ?", deviceId],
          linkOf(deviceId),
        ),
      ),

    /** Ends the token of a role and makes the next one possible; `scopes` can only narrow. Undefined when the device has no such role. */
    async renew(deviceId: string, role: string, scopes?: readonly WireScope[]) {
      const issue = { issue: crypto.randomUUID(), issuedAtMs: clock.now() };
      const renewed = (grant: Grant): Grant =>
        grant.role === role
          ? { ...grant, ...issue, scopes: scopes ? scopes.filter((scope) => allows(grant.scopes, scope)) : grant.scopes }
          : grant;
      const device = await change(deviceId, (known) => known && { ...known, grants: known.grants.map(renewed) }, linkOf(deviceId));
      return grantOf(device, role);
    },

    rename: (deviceId: string, label: string) => change(deviceId, (known) => known && { ...known, label }),

    seen: (deviceId: string) => store.write(["update access_device set seen_at = ? where device_id = ?", clock.now(), deviceId]),

    /** The same question asked again keeps its request; another one by the same device replaces it. */
    async ask(ask: Ask, isRepair: boolean): Promise<{ request: PairRequest; isNew: boolean }> {
      const requestId = crypto.randomUUID();
      const { deviceId } = ask.identity;
      const text = JSON.stringify({ ...ask, isRepair });
      const [, rows = []] = await store.write(
        ["delete from access_request where ts <= ? or (device_id = ? and ask <> ?)", oldestRequest(), deviceId, text],
        [
          "insert into access_request values (?, ?, ?, ?) on conflict (device_id) do update set ts = excluded.ts returning *",
          ...[requestId, deviceId, text, clock.now()],
        ],
        [
          "delete from access_request where rowid not in (select rowid from access_request order by ts desc, rowid desc limit ?)",
          settings().pairing.maxRequests,
        ],
      );
      const request = toRequest(rows[0] as Row);
      return { request, isNew: request.requestId === requestId };
    },

    requests,

    reject: (requestId: string) =>
      inTurn(async () => {
        const [rows = []] = await store.write([
          "delete from access_request where request_id = ? and ts > ? returning *",
          requestId,
          oldestRequest(),
        ]);
        return rows.map(toRequest)[0];
      }),

    /** A token that pairs one device, once. Only its hash is stored. */
    async issueBootstrap(role: Role, scopes: readonly WireScope[], ttlMs: number) {
      const token = randomToken();
      const expiresAtMs = clock.now() + ttlMs;
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
