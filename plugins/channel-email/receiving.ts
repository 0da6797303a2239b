/** An account's life: it reads what has come since the position that was kept, then waits to be told of more. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ChannelStatus } from "@pincer/plugin-sdk/contracts/channel";
import { createHandIn, type HandInDeps } from "./hand-in.ts";
import { type Mailbox, openMailbox, uidsOf, waitForMail } from "./mailbox.ts";
import { type Position, parsePosition, positionText } from "./position.ts";

const DAY = 86_400_000;

export interface ReceivingDeps extends HandInDeps {
  readonly position: string | undefined;
  readonly clock: Clock;
  /** Told of the connection while it holds. */
  readonly onOpen: (box: Mailbox) => Disposable;
}

/** Where to go on, in the folder as it is numbered now. */
async function settle(box: Mailbox, deps: ReceivingDeps): Promise<{ position: Position; again: readonly number[] }> {
  const { settings, clock, log, account, inbox, signal } = deps;
  const { uidValidity, uidNext } = await box.ask((client) => client.mailboxOpen(settings.folder));
  const validity = String(uidValidity);
  const kept = parsePosition(deps.position);
  if (kept?.validity === validity) return { position: kept, again: [] };
  // As servers tell when a mail arrived, in whole seconds.
  const now = Math.floor(clock.now() / 1000) * 1000;
  const position: Position = { validity, uid: uidNext - 1, at: kept?.at ?? now, since: kept?.since ?? now };
  if (kept === undefined) {
    await inbox.advance({ channel: "email", account, position: positionText(position) }, { signal });
    return { position, again: [] };
  }
  log.warn("email.renumbered", { account, folder: settings.folder });
  // The server has numbered everything anew: what came about then is handed in again, and the inbox knows which of it it has.
  const found = await uidsOf(box, { since: new Date(kept.at - 2 * DAY) });
  return { position, again: found.filter((uid) => uid <= position.uid) };
}

/** Ends with the signal; throws when the connection ends. */
export async function* receive(deps: ReceivingDeps, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
  const { settings, clock, onOpen } = deps;
  using box = await openMailbox(settings, signal);
  let { promise: told, resolve: tell } = Promise.withResolvers<void>();
  box.client.on("exists", () => tell());
  const { position: start, again } = await settle(box, deps);
  using _open = onOpen(box);
  const unproven = settings.requireAuth && settings.authservId === undefined;
  yield {
    state: "connected",
    self: settings.address,
    ...(unproven && { detail: "nobody is heard until channels.email.authservId says whose Authentication-Results count" }),
  };
  const handIn = createHandIn(box, deps);
  let position = start;
  for (const uid of again) {
    if (signal.aborted) return;
    await handIn(uid, position, false);
  }
  if (again.length > 0)
    await deps.inbox.advance({ channel: "email", account: deps.account, position: positionText(position) }, { signal: deps.signal });
  while (!signal.aborted) {
    ({ promise: told, resolve: tell } = Promise.withResolvers<void>());
    // A range without an end has the last mail in it, however low its number is.
    const found = await uidsOf(box, { uid: `${position.uid + 1}:*` });
    const fresh = found.filter((uid) => uid > position.uid);
    for (const uid of fresh) {
      if (signal.aborted) return;
      position = await handIn(uid, position, true);
    }
    if (fresh.length > 0) continue;
    await waitForMail(box, told, { clock, pollMs: settings.pollMs }, signal);
    if (!signal.aborted) await box.ask((client) => client.noop());
  }
}
