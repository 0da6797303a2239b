/** What the crypto library wants the homeserver to be asked, each at its place in the Client-Server API. */
import type * as Library from "@matrix-org/matrix-sdk-crypto-wasm";
import { text } from "../events.ts";
import type { Ask } from "../homeserver.ts";
import type { Bot } from "../login.ts";

export interface Asking {
  readonly bot: Bot;
  readonly machine: Library.OlmMachine;
  readonly library: typeof Library;
  readonly signal: AbortSignal;
}

/** One that is not told of again has no id. */
export interface KeyRequest {
  readonly id?: string | undefined;
  readonly type: Library.RequestType;
  readonly body: string;
  readonly event_type?: string;
  readonly txn_id?: string;
}

function askFor({ RequestType }: typeof Library, { type, body, event_type, txn_id }: KeyRequest): Omit<Ask, "signal"> | undefined {
  const post = (path: string) => ({ method: "POST", path: `client/v3/${path}`, body, isSafe: true }) as const;
  switch (type) {
    case RequestType.KeysUpload:
      return post("keys/upload");
    case RequestType.KeysQuery:
      return post("keys/query");
    case RequestType.KeysClaim:
      return post("keys/claim");
    case RequestType.SignatureUpload:
      return post("keys/signatures/upload");
    case RequestType.ToDevice:
      return {
        method: "PUT",
        path: `client/v3/sendToDevice/${encodeURIComponent(text(event_type) ?? "")}/${encodeURIComponent(text(txn_id) ?? "")}`,
        body,
      };
    default:
      // Backups and verifications, which are not begun here.
      return undefined;
  }
}

export async function sendRequest({ bot, machine, library, signal }: Asking, request: KeyRequest): Promise<void> {
  const ask = askFor(library, request);
  if (ask === undefined) return;
  const answer = await bot.text({ ...ask, signal });
  if (request.id !== undefined) await machine.markRequestAsSent(request.id, request.type, answer);
}
