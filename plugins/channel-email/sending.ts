/** Sends each mail once. Its Message-ID comes from the request, so that one that may have been sent is looked for where sent mails lie. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors, type SendRequest } from "@pincer/plugin-sdk/contracts/channel";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { compose } from "./composing.ts";
import type { Settings } from "./config.ts";
import { ownId } from "./ids.ts";
import { type Mailbox, openMailbox, sentFolderOf, wasSent } from "./mailbox.ts";
import { transmit } from "./smtp.ts";
import type { Threads } from "./threads.ts";

const PREFIX = "begun:";
/** Longer than delivery tries. */
const KEPT_MS = 24 * 3_600_000;

interface Begun {
  readonly at: number;
  /** The server has said so. That is kept too: who asked may be killed before they have noted it, and ask again. */
  readonly isTaken: boolean;
}

interface SendingDeps {
  readonly threads: Threads;
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly log: Logger;
  settingsOf(account: string): Promise<Settings>;
  /** The connection that receives, while there is one. */
  openBox(account: string): Mailbox | undefined;
}

export function createSending({ threads, clock, store, log, settingsOf, openBox }: SendingDeps) {
  /** `begun` absent: it was not taken, and may be sent again. */
  async function note(name: string, begun?: Begun): Promise<void> {
    const old = (await store.list<Begun>(PREFIX)).filter(({ value }) => value.at < clock.now() - KEPT_MS);
    await store.set({ ...Object.fromEntries(old.map(({ key }) => [key, undefined])), [name]: begun });
  }

  /** Whether it lies among what was sent; false also where nobody can say. */
  async function isFound(settings: Settings, messageId: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await wasSent(settings, messageId, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      log.warn("email.sent-not-searched", { error: errorMessage(error) });
      return false;
    }
  }

  async function append(box: Mailbox, settings: Settings, bytes: Buffer): Promise<void> {
    const folder = await sentFolderOf(box, settings);
    if (folder === undefined)
      throw channelErrors.CHANNEL_REJECTED("the server marks no folder as that of what was sent: set channels.email.sentFolder");
    await box.ask((client) => client.append(folder, bytes, ["\\Seen"]));
  }

  /** The mail is on its way: that it is not kept here is no reason to say otherwise. */
  async function keep(account: string, settings: Settings, bytes: Buffer, signal: AbortSignal): Promise<void> {
    try {
      const live = openBox(account);
      if (live?.client.usable) return await append(live, settings, bytes);
      using own = await openMailbox(settings, signal);
      await append(own, settings, bytes);
    } catch (error) {
      log.warn("email.not-kept", { account, error: errorMessage(error) });
    }
  }

  return async function send(request: SendRequest, { signal }: { readonly signal: AbortSignal }): Promise<{ messageId: string }> {
    const { address, idempotencyKey } = request;
    const { account } = address;
    const settings = await settingsOf(account);
    const thread = await threads.of(address);
    const kind = thread === undefined && request.replyTo === undefined ? "new" : "answer";
    const messageId = ownId(`${account} ${idempotencyKey}`, kind, settings.address);
    const mark = `${PREFIX}${messageId}`;
    const taken = () => note(mark, { at: clock.now(), isTaken: true });
    const before = await store.get<Begun>(mark);
    if (before !== undefined) {
      if (!before.isTaken && !(await isFound(settings, messageId, signal)))
        throw channelErrors.CHANNEL_UNCERTAIN(
          "it was handed to the server, which has not said whether it took it, and it is not among what was sent",
        );
      return { messageId };
    }
    const mail = await compose({ request, settings, thread, messageId, at: clock.now() });
    await note(mark, { at: clock.now(), isTaken: false });
    if (kind === "new") await threads.wrote(messageId, mail.plain);
    try {
      const refused = await transmit(mail, settings, clock, signal);
      if (refused.length > 0) log.warn("email.not-for-all", { account, refused: refused.length, of: mail.to.length });
    } catch (error) {
      if (!hasCode(error, "CHANNEL_UNCERTAIN")) {
        if (!signal.aborted) await note(mark);
        throw error;
      }
      if (!(await isFound(settings, messageId, signal))) throw error;
      await taken();
      return { messageId };
    }
    await taken();
    if (settings.keepSent) await keep(account, settings, mail.bytes, signal);
    return { messageId };
  };
}
