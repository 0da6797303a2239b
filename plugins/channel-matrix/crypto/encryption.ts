/** The encryption of one login: its keys, which stay in the plugin's folder, and what the homeserver is asked and told about them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { OlmMachine, OutgoingRequest } from "@matrix-org/matrix-sdk-crypto-wasm";
import type { Logger } from "@pincer/plugin-sdk";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { Value } from "@sinclair/typebox/value";
import { loginRequired } from "../config.ts";
import { type Fields, fields, type News, RoomEvent } from "../events.ts";
import type { FileCipher } from "../files.ts";
import type { Bot } from "../login.ts";
import type { Room } from "../rooms.ts";
import { keyFrom } from "../sealed.ts";
import { crossSign } from "./cross-signing.ts";
import { openFile } from "./indexed-db/globals.ts";
import { loadLibrary } from "./library.ts";
import { sendRequest } from "./requests.ts";

/** An event that cannot be read, and never will be. */
export class Unreadable extends Error {}

export interface Encryption extends FileCipher, AsyncDisposable {
  /** Takes in what a sync brought. Answers with whether there are keys now that were not there before. */
  receive(news: News): Promise<boolean>;
  /** Asks and tells the homeserver what is due. */
  settle(signal: AbortSignal): Promise<void>;
  /** The event as it was written; undefined while its key has not come. Throws `Unreadable`. */
  decryptEvent(room: string, event: RoomEvent): Promise<RoomEvent | undefined>;
  /** The content of an `m.room.encrypted` that everybody's devices in the room can read. */
  encryptEvent(room: Room, type: string, content: Fields, signal: AbortSignal): Promise<Fields>;
}

interface EncryptionDeps {
  readonly bot: Bot;
  readonly folder: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const KEYS: ReadonlySet<unknown> = new Set(["m.room_key", "m.forwarded_room_key"]);

/** Longest lifetime of a room's key, whatever the room says: a week, and a hundred messages, are what the specification recommends. */
const ROTATE = { ms: 604_800_000, messages: 100 };

const nameOf = (...parts: readonly string[]): string =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);

/** Throws `CHANNEL_UNAVAILABLE` while another has the keys, `CHANNEL_LOGIN_REQUIRED` when the device cannot encrypt any more. */
export async function openEncryption({ bot, folder, log, signal }: EncryptionDeps): Promise<Encryption> {
  const { account, credentials, login } = bot;
  const { userId, deviceId } = login;
  if (deviceId === undefined) {
    throw loginRequired(
      "the access token belongs to no device, so that it cannot take part in encrypted rooms",
      "log in with a password, or set channels.matrix.encryption to false",
    );
  }
  const library = await loadLibrary();
  await using opened = new AsyncDisposableStack();
  const store = `${account}-${nameOf(userId, deviceId)}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    opened.use(openFile(store, join(folder, `${store}.db`)));
  } catch (error) {
    throw channelErrors.CHANNEL_UNAVAILABLE(`the keys of ${deviceId} are in use, or cannot be opened: ${errorMessage(error)}`);
  }
  const machine = await openMachine();
  opened.defer(() => machine.close());

  async function openMachine(): Promise<OlmMachine> {
    const key = keyFrom(credentials.value, `keys ${userId} ${deviceId}`);
    try {
      const handle = await library.StoreHandle.openWithKey(store, key);
      return await library.OlmMachine.initFromStore(new library.UserId(userId), new library.DeviceId(deviceId ?? ""), handle);
    } catch (error) {
      throw loginRequired(
        `the keys of ${deviceId} cannot be opened, since they were kept under another secret (${errorMessage(error)})`,
        "log in anew, as a new device",
        { isDeviceLost: true },
      );
    }
  }

  /** A device whose keys the homeserver has from somebody else is another program's, or this one has lost its own. */
  async function requireOwnDevice(): Promise<void> {
    const answer = await bot.call({
      ...{ signal, method: "POST", path: "client/v3/keys/query", isSafe: true },
      body: { device_keys: { [userId]: [deviceId] } },
    });
    const device = fields(fields(fields(fields(answer)["device_keys"])[userId])[deviceId ?? ""]);
    const told = fields(device["keys"])[`ed25519:${deviceId}`];
    if (told === undefined || told === machine.identityKeys.ed25519.toBase64()) return;
    throw loginRequired(
      `the device ${deviceId} has keys that are not here: another program uses this login, or its data was lost`,
      "log in anew, as a new device, with nothing else",
      { isDeviceLost: true },
    );
  }
  await requireOwnDevice();

  const inTurn = createQueue();
  const roomIdOf = (room: string) => {
    try {
      return new library.RoomId(room);
    } catch (error) {
      throw new Unreadable(`${JSON.stringify(room.slice(0, 80))} is no id of a room: ${errorMessage(error)}`);
    }
  };
  const send = (request: Pick<OutgoingRequest, "type" | "body"> & { readonly id?: string | undefined }, until: AbortSignal) =>
    sendRequest({ bot, machine, library, signal: until }, request);

  async function sendDue(until: AbortSignal): Promise<void> {
    // What is sent may make more due, such as the keys of somebody's new device.
    for (let round = 0; round < 3; round++) {
      const due = await machine.outgoingRequests();
      if (due.length === 0) return;
      for (const request of due) await send(request as never, until);
    }
  }

  async function shareKey({ id, members, encryption }: Room, until: AbortSignal): Promise<void> {
    const users = () => [...members.keys()].map((user) => new library.UserId(user));
    await machine.updateTrackedUsers(users());
    await sendDue(until);
    const claim = await machine.getMissingSessions(users());
    if (claim) await send(claim as never, until);
    const settings = new library.EncryptionSettings();
    const { rotation_period_ms: ms, rotation_period_msgs: messages } = fields(encryption);
    const atMost = (value: unknown, most: number) =>
      BigInt(typeof value === "number" && value >= 1 ? Math.min(most, Math.trunc(value)) : most);
    // In microseconds.
    settings.rotationPeriod = atMost(ms, ROTATE.ms) * 1000n;
    settings.rotationPeriodMessages = atMost(messages, ROTATE.messages);
    for (const request of await machine.shareRoomKey(roomIdOf(id), users(), settings)) await send(request as never, until);
  }

  const lifetime = opened.move();
  return {
    receive: (news) =>
      inTurn(async () => {
        const users = (ids: readonly string[]) => ids.filter((id) => /^@[^:]*:./.test(id)).map((id) => new library.UserId(id));
        const processed = await machine.receiveSyncChanges(
          JSON.stringify(news.toDevice),
          new library.DeviceLists(users(news.changed), users(news.gone)),
          new Map(news.keyCounts),
          news.unusedFallbackKeys && new Set(news.unusedFallbackKeys),
        );
        return processed.some(
          (event) => event instanceof library.DecryptedToDeviceEvent && KEYS.has(fields(JSON.parse(event.rawEvent))["type"]),
        );
      }),

    settle: (until) =>
      inTurn(async () => {
        try {
          await sendDue(until);
          await crossSign({ bot, machine, library, signal: until }, log);
        } catch (error) {
          if (until.aborted || hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
          // It is due again after the next sync.
          log.warn("matrix.keys-unsettled", { account, error: errorMessage(error) });
        }
      }),

    decryptEvent: (room, event) =>
      inTurn(async () => {
        const settings = new library.DecryptionSettings(library.TrustRequirement.Untrusted);
        const id = roomIdOf(room);
        try {
          const { event: text } = await machine.decryptRoomEvent(JSON.stringify(event), id, settings);
          const decrypted: unknown = JSON.parse(text);
          if (!Value.Check(RoomEvent, decrypted)) throw new Unreadable("what was encrypted is no event");
          return decrypted;
        } catch (error) {
          if (!(error instanceof library.MegolmDecryptionError)) throw error;
          const isLate =
            error.code === library.DecryptionErrorCode.MissingRoomKey || error.code === library.DecryptionErrorCode.UnknownMessageIndex;
          if (isLate) return undefined;
          throw new Unreadable(error.description);
        }
      }),

    encryptEvent: (room, type, content, until) =>
      inTurn(async () => {
        await shareKey(room, until);
        return fields(JSON.parse(await machine.encryptRoomEvent(roomIdOf(room.id), type, JSON.stringify(content))));
      }),

    encrypt(bytes) {
      const closed = library.Attachment.encrypt(bytes);
      return { info: fields(JSON.parse(closed.mediaEncryptionInfo ?? "{}")), bytes: closed.encryptedData };
    },

    decrypt: (bytes, info) => library.Attachment.decrypt(new library.EncryptedAttachment(bytes, JSON.stringify({ url: "", ...info }))),

    [Symbol.asyncDispose]: () => inTurn(() => lifetime.disposeAsync()),
  };
}
