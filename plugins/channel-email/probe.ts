/** Whether an account works: both logins, and whose word on senders counts. */
import { probed } from "@pincer/plugin-sdk/channel/probe";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import PostalMime from "postal-mime";
import { authservIdOf } from "./authentication.ts";
import type { Settings } from "./config.ts";
import { HEAD_BYTES, type Mailbox, openMailbox } from "./mailbox.ts";
import { tryLogin } from "./smtp.ts";

interface ProbeDeps {
  readonly clock: Clock;
  settingsOf(account: string): Promise<Settings>;
}

/** Who put the topmost Authentication-Results on the newest mail. */
async function newestAuthservId(box: Mailbox): Promise<string | undefined> {
  const newest = await box.ask((client) => client.fetchOne("*", { source: { maxLength: HEAD_BYTES } }));
  if (newest === false || newest.source === undefined) return undefined;
  const { headers } = await PostalMime.parse(newest.source);
  const field = headers.find(({ key }) => key === "authentication-results");
  return field && authservIdOf(field.value);
}

async function look(settings: Settings, clock: Clock, signal: AbortSignal): Promise<Probe> {
  const { address, folder, authservId, requireAuth, imap, smtp } = settings;
  using box = await openMailbox(settings, signal);
  const { exists } = await box.ask((client) => client.mailboxOpen(folder, { readOnly: true }));
  await tryLogin(settings, clock, signal);
  if (requireAuth && authservId === undefined) {
    const seen = exists === 0 ? undefined : await newestAuthservId(box);
    return {
      ok: false,
      self: address,
      detail: "Nobody is heard: it is not said whose Authentication-Results count.",
      hint:
        seen === undefined
          ? "send a mail there, look for Authentication-Results in its header, and set channels.email.authservId to the first word"
          : `if ${seen} is your provider's server: pincer config set channels.email.authservId "${seen.replace(/[^\w.-]/g, "")}"`,
    };
  }
  const open = [imap, smtp].find(({ security }) => security === "none");
  if (open) return { ok: true, self: address, detail: `The connection to ${open.host}:${open.port} is not encrypted.` };
  return {
    ok: true,
    self: address,
    ...(!requireAuth && { detail: "Anybody is taken for whom they claim to be (channels.email.requireAuth)." }),
  };
}

export function createProbe({ clock, settingsOf }: ProbeDeps) {
  return ({ account }: { readonly account: string }, { signal }: { readonly signal: AbortSignal }): Promise<Probe> =>
    probed(
      { clock, signal },
      async (within) => look(await settingsOf(account), clock, within),
      (error) => {
        const hint = isGatewayError(error) ? error.data?.["hint"] : undefined;
        return { detail: errorMessage(error), ...(typeof hint === "string" && { hint }) };
      },
    );
}
