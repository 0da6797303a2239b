/** Encrypted rooms: a person with a client of their own, which has the same crypto library, and the homeserver that sees none of what they say. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as library from "@matrix-org/matrix-sdk-crypto-wasm";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { BOT, type FakeMatrix, startFakeMatrix } from "../../tests/channels/fakes/matrix/server.ts";
import { addDevice, type Event, type Fields } from "../../tests/channels/fakes/matrix/world.ts";
import { ada, club, direct, startHouse } from "../../tests/channels/matrix-house.ts";
import { loadLibrary } from "./crypto/library.ts";

const ALGORITHM = { algorithm: "m.megolm.v1.aes-sha2" };

/** A device of a person's that encrypts. */
async function openDevice(matrix: FakeMatrix, user: string, id: string) {
  await loadLibrary();
  const token = `token-${user}-${id}`;
  addDevice(matrix.world, user, token, id, id);
  const machine = await library.OlmMachine.initialize(new library.UserId(user), new library.DeviceId(id));
  let since: string | undefined;

  async function call(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(`${matrix.url}/_matrix/client/v3/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${text}`);
    return text;
  }

  async function send(request: object): Promise<void> {
    const { id: number, type, body, event_type, txn_id } = request as library.ToDeviceRequest;
    const paths: Partial<Record<library.RequestType, string>> = {
      [library.RequestType.KeysUpload]: "keys/upload",
      [library.RequestType.KeysQuery]: "keys/query",
      [library.RequestType.KeysClaim]: "keys/claim",
    };
    const answer =
      type === library.RequestType.ToDevice
        ? await call("PUT", `sendToDevice/${event_type}/${txn_id}`, body)
        : await call("POST", paths[type]!, body);
    await machine.markRequestAsSent(number, type, answer);
  }
  const settle = async () => {
    for (const request of await machine.outgoingRequests()) await send(request);
  };

  async function pull(): Promise<void> {
    const answer = JSON.parse(await call("GET", `sync?timeout=0${since === undefined ? "" : `&since=${since}`}`));
    since = answer.next_batch;
    const { changed, left } = answer.device_lists;
    const users = (ids: string[]) => ids.map((each) => new library.UserId(each));
    await machine.receiveSyncChanges(
      JSON.stringify(answer.to_device.events),
      new library.DeviceLists(users(changed), users(left)),
      new Map(Object.entries(answer.device_one_time_keys_count as Record<string, number>)),
      new Set(answer.device_unused_fallback_key_types as string[]),
    );
    await settle();
  }
  await pull();

  return {
    machine,
    pull,
    /** Says it for those devices that are known; `held` keeps the key back until it is called. */
    async say(
      room: string,
      content: Fields,
      { isHeld = false } = {},
    ): Promise<{ readonly id: string; readonly release: () => Promise<void> }> {
      await pull();
      const users = () => [user, BOT.user].map((each) => new library.UserId(each));
      await machine.updateTrackedUsers(users());
      await settle();
      const claim = await machine.getMissingSessions(users());
      if (claim) await send(claim);
      const roomId = () => new library.RoomId(room);
      const keys = await machine.shareRoomKey(roomId(), users(), new library.EncryptionSettings());
      const release = async () => {
        for (const key of keys) await send(key);
      };
      if (!isHeld) await release();
      const encrypted = JSON.parse(await machine.encryptRoomEvent(roomId(), "m.room.message", JSON.stringify(content)));
      return { release, id: matrix.write(user, room, encrypted, { type: "m.room.encrypted" }) };
    },
    /** What the bot's event says. */
    async read(event: Event): Promise<{ readonly content: Fields }> {
      await pull();
      const settings = new library.DecryptionSettings(library.TrustRequirement.Untrusted);
      const { unsigned: _, ...bare } = { unsigned: undefined, ...event };
      return JSON.parse((await machine.decryptRoomEvent(JSON.stringify(bare), new library.RoomId(event.room_id), settings)).event);
    },
  };
}

/** Ada's room with the bot is encrypted, and she has a phone. */
async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  const { matrix } = house;
  if (!options.matrix) matrix.setState(direct, ada, "m.room.encryption", ALGORITHM);
  await matrix.until(() =>
    [...matrix.world.devices.values()].some(({ user, keys, oneTimeKeys }) => user === BOT.user && keys && oneTimeKeys.size > 0),
  );
  return house;
}

const words = (body: string): Fields => ({ msgtype: "m.text", body });

inEveryMode("an encrypted room", (mode, test) => {
  if (mode === "loopback") return;
  test("is read and answered, and the homeserver sees nothing of either", async () => {
    await using house = await start({ mode });
    const phone = await openDevice(house.matrix, ada, "PHONE");
    await phone.say(direct, words("the secret of the engine"));
    const answer = await house.matrix.message(0);
    expect(answer.type).toBe("m.room.encrypted");
    expect((await phone.read(answer)).content).toMatchObject({ msgtype: "m.text", body: "fine" });
    expect(await house.heard(0)).toContain("the secret of the engine");
    const seen = JSON.stringify([...house.matrix.world.rooms.values()].map(({ events }) => events));
    expect(seen).not.toContain("secret of the engine");
    expect(seen).not.toContain('"fine"');
  });

  test("is read by the same device after the gateway was gone, and what was written meanwhile is answered", async () => {
    await using matrix = startFakeMatrix();
    matrix.room(direct, ada);
    matrix.setState(direct, ada, "m.room.encryption", ALGORITHM);
    const first = await start({ mode, matrix });
    const { home } = first.kit;
    const phone = await openDevice(matrix, ada, "PHONE");
    await phone.say(direct, words("before"));
    expect((await phone.read(await matrix.message(0))).content).toMatchObject({ body: "fine" });
    await first.kit.stop();
    const { keys } = matrix.world.devices.get(`${BOT.user} ${BOT.device}`)!;
    await phone.say(direct, words("meanwhile"));
    await using second = await start({ mode, matrix, home });
    expect((await phone.read(await matrix.message(1))).content).toMatchObject({ body: "fine" });
    expect(await second.heard(0)).toContain("meanwhile");
    await phone.say(direct, words("after"));
    expect((await phone.read(await matrix.message(2))).content).toMatchObject({ body: "fine" });
    expect(matrix.world.devices.get(`${BOT.user} ${BOT.device}`)?.keys?.["keys"]).toEqual(keys?.["keys"]);
    await first[Symbol.asyncDispose]();
  });

  test("is read on by a newer generation, which has the keys alone", async () => {
    await using house = await start({ mode });
    const phone = await openDevice(house.matrix, ada, "PHONE");
    await phone.say(direct, words("one"));
    await house.matrix.message(0);
    await house.kit.reload();
    await phone.say(direct, words("two"));
    expect((await phone.read(await house.matrix.message(1))).content).toMatchObject({ body: "fine" });
  });
});

test("a message whose key comes late is answered once the key is there, also by a gateway that was started in between", async () => {
  await using matrix = startFakeMatrix();
  matrix.room(direct, ada);
  matrix.setState(direct, ada, "m.room.encryption", ALGORITHM);
  const phone = await openDevice(matrix, ada, "PHONE");
  const first = await start({ matrix });
  const { home } = first.kit;
  const { release } = await phone.say(direct, words("at last"), { isHeld: true });
  await first.kit.logged("matrix.key-awaited");
  await first.kit.stop();
  await using second = await start({ matrix, home });
  expect(matrix.sent).toEqual([]);
  await release();
  expect(await second.heard(0)).toContain("at last");
  expect((await phone.read(await matrix.message(0))).content).toMatchObject({ body: "fine" });
  await first[Symbol.asyncDispose]();
});

test("a further device of the sender's is heard, and reads the answers that come from then on", async () => {
  await using house = await start();
  const phone = await openDevice(house.matrix, ada, "PHONE");
  await phone.say(direct, words("from the phone"));
  await phone.read(await house.matrix.message(0));
  const laptop = await openDevice(house.matrix, ada, "LAPTOP");
  await laptop.say(direct, words("from the laptop"));
  const answer = await house.matrix.message(1);
  expect((await laptop.read(answer)).content).toMatchObject({ body: "fine" });
  expect((await phone.read(answer)).content).toMatchObject({ body: "fine" });
  expect(await house.heard(1)).toContain("from the laptop");
});

test("a file of an encrypted room is opened, and one that is sent there is closed", async () => {
  await using house = await start();
  const phone = await openDevice(house.matrix, ada, "PHONE");
  const closed = library.Attachment.encrypt(new TextEncoder().encode("milk and bread"));
  const info = JSON.parse(closed.mediaEncryptionInfo!);
  const url = house.matrix.file(closed.encryptedData, "application/octet-stream");
  await phone.say(direct, {
    msgtype: "m.file",
    body: "list.txt",
    filename: "list.txt",
    info: { mimetype: "text/plain", size: 14 },
    file: { ...info, url },
  });
  expect(await house.heard(0)).toContain("milk and bread");
  await house.matrix.message(0);

  const io = { signal: house.kit.signal };
  const attachment = {
    kind: "document" as const,
    mimeType: "text/plain",
    fileName: "answer.txt",
    data: Buffer.from("bought").toString("base64"),
  };
  const address = { channel: "matrix", account: "default", conversation: direct };
  await house.kit.uses(channel).send({ address, text: "here", attachments: [attachment], idempotencyKey: "a file" }, io);
  const { content } = await phone.read(await house.matrix.message(1));
  expect(content).toMatchObject({ body: "here", filename: "answer.txt", msgtype: "m.file" });
  const { url: at, ...how } = content["file"] as { readonly url: string };
  const kept = house.matrix.world.media.get(at.split("/").at(-1)!)!;
  expect(new TextDecoder().decode(kept.bytes)).not.toContain("bought");
  const opened = library.Attachment.decrypt(new library.EncryptedAttachment(kept.bytes, JSON.stringify({ url: at, ...how })));
  expect(new TextDecoder().decode(opened)).toBe("bought");
});

test("what stands in an encrypted room without encryption is nobody's word, also where the homeserver says that it is plain now", async () => {
  await using house = await start();
  const phone = await openDevice(house.matrix, ada, "PHONE");
  await phone.say(direct, words("in secret"));
  await house.matrix.message(0);
  house.matrix.say(ada, direct, "forged");
  await house.kit.logged("matrix.plain-in-encrypted");
  house.matrix.world.rooms.get(direct)?.state.delete("m.room.encryption\n");
  await house.kit.reload();
  house.matrix.say(ada, direct, "forged again");
  await phone.say(direct, words("in secret again"));
  expect((await house.matrix.message(1)).type).toBe("m.room.encrypted");
  expect(house.kit.model.models).toHaveLength(2);
});

test("without encryption an encrypted room is told once that nobody reads it, and the account's status says so", async () => {
  await using house = await startHouse({ config: { encryption: false } });
  house.matrix.setState(direct, ada, "m.room.encryption", ALGORITHM);
  const unread = { algorithm: ALGORITHM.algorithm, ciphertext: "AwgA", session_id: "s" };
  house.matrix.write(ada, direct, unread, { type: "m.room.encrypted" });
  house.matrix.write(ada, direct, unread, { type: "m.room.encrypted" });
  house.matrix.say(ada, club, "@pincer:hs.test hello");
  expect((await house.matrix.message(0)).content["body"]).toContain("I cannot read what is written");
  expect((await house.matrix.message(1)).room_id).toBe(club);
  expect(house.matrix.calls.some(({ route }) => route.includes("/keys/"))).toBe(false);
});

test("the keys are on disk, closed with the account's secret, and the device is signed by its account", async () => {
  await using house = await start();
  const phone = await openDevice(house.matrix, ada, "PHONE");
  await phone.say(direct, words("hello"));
  await house.matrix.message(0);
  const folder = join(house.kit.home, "data", "channel-matrix", "keys", "default");
  const files = readdirSync(folder);
  expect(files.some((file) => file.endsWith(".db"))).toBe(true);
  const bytes = files.map((file) => readFileSync(join(folder, file)).toString("latin1")).join("");
  const device = house.matrix.world.devices.get(`${BOT.user} ${BOT.device}`)!;
  const part = (name: string) => device.keys?.[name] as Readonly<Record<string, string & object>>;
  expect(bytes).not.toContain(BOT.token);
  expect(bytes).not.toContain(part("keys")[`curve25519:${BOT.device}`]!);
  await house.matrix.until(() => Object.keys(part("signatures")[BOT.user] ?? {}).length > 1);
});

test("a login whose device has keys of another program is told so, and does not put its own in their place", async () => {
  await using matrix = startFakeMatrix();
  matrix.room(direct, ada);
  const device = matrix.world.devices.get(`${BOT.user} ${BOT.device}`)!;
  device.keys = { user_id: BOT.user, device_id: BOT.device, keys: { [`ed25519:${BOT.device}`]: "somebody else's" } };
  await using house = await startHouse({ matrix, isEarly: true });
  const { lastError } = await house.until("login-required");
  expect(lastError).toContain("another program uses this login");
  expect(device.keys["keys"]).toEqual({ [`ed25519:${BOT.device}`]: "somebody else's" });
});
