/** End-to-end encryption as a homeserver sees it: keys that devices upload and claim, and messages from device to device. */
import { Refusal } from "./refusal.ts";
import type { Device, Fields, World } from "./world.ts";

export const uploadKeys = (world: World, device: Device, body: Fields): object => {
  const { device_keys, one_time_keys = {}, fallback_keys = {} } = body as Record<string, Record<string, Fields>>;
  if (device_keys !== undefined) {
    if (device_keys["user_id"] !== (device.user as never) || device_keys["device_id"] !== (device.id as never))
      throw new Refusal(400, "M_INVALID_PARAM", "The keys are of another device");
    if (JSON.stringify(device.keys) !== JSON.stringify(device_keys)) {
      device.keys = device_keys;
      world.log.push({ kind: "devices", user: device.user });
    }
  }
  for (const [id, key] of Object.entries(one_time_keys)) {
    const known = device.oneTimeKeys.get(id);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(key))
      throw new Refusal(400, "M_UNKNOWN", `One time key ${id} already exists`);
    device.oneTimeKeys.set(id, key);
  }
  if (Object.keys(fallback_keys).length > 0) device.fallbackKeys = new Map(Object.entries(fallback_keys));
  return { one_time_key_counts: { signed_curve25519: device.oneTimeKeys.size } };
};

export function queryKeys(world: World, body: Fields): object {
  const asked = body["device_keys"] as Readonly<Record<string, readonly string[]>>;
  const of = (part: string) =>
    Object.fromEntries(
      Object.keys(asked).flatMap((user) => {
        const key = world.users.get(user)?.crossSigning[part];
        return key === undefined ? [] : [[user, key]];
      }),
    );
  const device_keys = Object.fromEntries(
    Object.entries(asked).map(([user, ids]) => [
      user,
      Object.fromEntries(
        [...world.devices.values()].flatMap((device) => {
          if (device.user !== user || device.keys === undefined || (ids.length > 0 && !ids.includes(device.id))) return [];
          return [[device.id, { ...device.keys, unsigned: { device_display_name: device.name } }]];
        }),
      ),
    ]),
  );
  return {
    device_keys,
    failures: {},
    master_keys: of("master_key"),
    self_signing_keys: of("self_signing_key"),
    user_signing_keys: of("user_signing_key"),
  };
}

export function claimKeys(world: World, body: Fields): object {
  const asked = body["one_time_keys"] as Readonly<Record<string, Readonly<Record<string, string>>>>;
  const claim = (user: string, id: string): object => {
    const device = world.devices.get(`${user} ${id}`);
    const [first] = device?.oneTimeKeys ?? [];
    if (first !== undefined) device?.oneTimeKeys.delete(first[0]);
    const [key] = first === undefined ? (device?.fallbackKeys ?? []) : [first];
    return key === undefined ? {} : { [key[0]]: key[1] };
  };
  const one_time_keys = Object.fromEntries(
    Object.entries(asked).map(([user, devices]) => [user, Object.fromEntries(Object.keys(devices).map((id) => [id, claim(user, id)]))]),
  );
  return { one_time_keys, failures: {} };
}

export function sendToDevices(world: World, sender: string, type: string, body: Fields): void {
  const messages = body["messages"] as Readonly<Record<string, Readonly<Record<string, Fields>>>>;
  for (const [user, devices] of Object.entries(messages)) {
    for (const [id, content] of Object.entries(devices)) {
      const ids = id === "*" ? [...world.devices.values()].filter((device) => device.user === user).map((device) => device.id) : [id];
      for (const device of ids) world.log.push({ kind: "to-device", user, device, event: { type, sender, content } });
    }
  }
}

/** The first identity needs no more than the token; another one wants the password. */
export function uploadIdentity(world: World, device: Device, body: Fields): object {
  const user = world.users.get(device.user)!;
  const auth = body["auth"] as { type?: unknown; password?: unknown } | undefined;
  if (Object.keys(user.crossSigning).length > 0 && auth?.password !== user.password) {
    throw new Refusal(401, "M_FORBIDDEN", "Say who you are", { session: "uia-1", flows: [{ stages: ["m.login.password"] }], params: {} });
  }
  const { auth: _, ...keys } = body;
  user.crossSigning = keys;
  world.log.push({ kind: "devices", user: device.user });
  return {};
}

/** Signatures are put beside those that a key has. */
export function uploadSignatures(world: World, body: Fields): object {
  for (const [user, keys] of Object.entries(body as Record<string, Record<string, Fields>>)) {
    for (const [id, signed] of Object.entries(keys)) {
      const device = world.devices.get(`${user} ${id}`);
      if (device?.keys === undefined) continue;
      const [before, more] = [device.keys, signed].map((each) => each["signatures"] as Record<string, Fields>);
      device.keys = { ...device.keys, signatures: { ...before, [user]: { ...before?.[user], ...more?.[user] } } };
    }
    world.log.push({ kind: "devices", user });
  }
  return { failures: {} };
}
