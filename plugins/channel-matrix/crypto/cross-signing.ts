/**
 * Signs the login's device with the account's own identity, once: other people's clients may give no keys to a device that nobody vouches for. The
 * identity is made here when the account has none yet; one that was made elsewhere is not touched.
 */
import type { Logger } from "@pincer/plugin-sdk";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { fields, text } from "../events.ts";
import { Refused } from "../failure.ts";
import { type Asking, sendRequest } from "./requests.ts";

const settled = new WeakSet<object>();

export async function crossSign(asking: Asking, log: Logger): Promise<void> {
  const { bot, machine, library, signal } = asking;
  if (settled.has(machine)) return;
  const status = await machine.crossSigningStatus();
  const identity = await machine.getIdentity(new library.UserId(bot.login.userId));
  if (status.hasMaster || identity !== undefined) return void settled.add(machine);
  try {
    const { uploadKeysRequest, uploadSigningKeysRequest, uploadSignaturesRequest } = await machine.bootstrapCrossSigning(false);
    if (uploadKeysRequest) await sendRequest(asking, uploadKeysRequest as never);
    await uploadIdentity(asking, uploadSigningKeysRequest.body);
    await sendRequest(asking, uploadSignaturesRequest as never);
  } catch (error) {
    if (signal.aborted) throw error;
    // Rooms work without it, where nobody insists.
    log.info("matrix.not-cross-signed", { account: bot.account, error: errorMessage(error) });
  }
  settled.add(machine);
}

async function uploadIdentity({ bot, signal }: Asking, keys: string): Promise<void> {
  const upload = (auth?: object) =>
    bot.attempt({
      ...{ signal, method: "POST", path: "client/v3/keys/device_signing/upload", isSafe: true },
      body: { ...fields(JSON.parse(keys)), ...(auth && { auth }) },
    });
  try {
    await upload();
  } catch (error) {
    const session = error instanceof Refused && error.status === 401 ? text(fields(error.body)["session"]) : undefined;
    const { credentials } = bot;
    if (session === undefined || credentials.kind !== "password") throw error;
    await upload({
      type: "m.login.password",
      identifier: { type: "m.id.user", user: credentials.user },
      password: credentials.value,
      session,
    });
  }
}
