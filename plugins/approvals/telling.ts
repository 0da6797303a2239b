/** Whom a request is shown to: the owner in a chat, with buttons where it has some; clients; and whoever looks at the owner's conversation. */
import type { Address, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { Approval } from "./requests.ts";
import { fenced } from "./shown.ts";
import type { ApprovalsContext } from "./uses.ts";

/** Where the owner wrote directly the last time, and as whom. */
interface Seat {
  readonly address: Address;
  readonly sender: string;
}
const seatKey = "owner-seat";

const lasting = (ms: number): string => {
  const minutes = Math.round(ms / 60_000);
  return minutes < 1 ? `${Math.max(1, Math.round(ms / 1000))} s` : minutes === 1 ? "1 minute" : `${minutes} minutes`;
};
const where = ({ sessionKey }: Approval): string => (sessionKey === null ? "" : `\nIn: \`${sessionKey.replaceAll("`", "'")}\``);

const requestText = (approval: Approval): string => {
  const { tool, shown, why, createdAt, expiresAt, code } = approval;
  return `May I run \`${tool.replaceAll("`", "'")}\`?\n\n${fenced(shown.short)}\n\n${why}${where(approval)}\nCode \`${code}\`, for ${lasting(expiresAt - createdAt)}; without an answer it does not run.`;
};

const ends: Readonly<Record<Exclude<Approval["state"], "open">, string>> = {
  "allow-once": "Allowed once",
  "allow-always": "Allowed in this conversation from now on",
  deny: "Not allowed",
  expired: "Nobody answered in time; it did not run",
  withdrawn: "What had asked has ended; it did not run",
};
export const endText = ({ state, tool, shown }: Approval): string =>
  `${state === "open" ? "Open" : ends[state]}: \`${tool.replaceAll("`", "'")}\`\n\n${fenced(shown.short)}`;

export function createTelling(ctx: ApprovalsContext) {
  const { uses } = ctx;
  const io = () => ({ signal: ctx.signal });
  let seat: Seat | undefined;

  const isOwner = async ({ channel, account }: Address, sender: string): Promise<boolean> =>
    uses.owners !== undefined && (await uses.owners.is({ channel, account, sender }, io())).owner;

  const send = async (approval: Approval, address: Address, text: string, more: object, key: string): Promise<boolean> => {
    try {
      if (uses.outbox === undefined) return false;
      await uses.outbox.send({ address, text, key: `approvals:${approval.id}:${key}`, ...more }, io());
      return true;
    } catch (error) {
      ctx.log.warn("approvals.owner-not-told", { channel: address.channel, id: approval.id, error: errorMessage(error) });
      return false;
    }
  };

  return {
    /** Remembers where the owner can be asked. */
    async notice({ address, sender, chat }: InboundMessage): Promise<void> {
      if (chat !== "direct" || sender.bot === true) return;
      const now: Seat = { address, sender: sender.id };
      if (Bun.deepEquals(seat, now) || !(await isOwner(address, sender.id))) return;
      seat = now;
      if (!Bun.deepEquals(await ctx.store.get<Seat>(seatKey), now)) await ctx.store.set({ [seatKey]: now });
    },

    /** Whoever sat there may be the owner no longer. */
    async seat(): Promise<Address | null> {
      const last = await ctx.store.get<Seat>(seatKey);
      return last !== undefined && (await isOwner(last.address, last.sender)) ? last.address : null;
    },

    /** Throws `APPROVAL_TOO_MANY` never; answers whether there is anybody who could answer it. */
    async ask(approval: Approval): Promise<boolean> {
      const { address, code, agentId, id } = approval;
      const text = requestText(approval);
      const choices = [
        { label: "Allow once", text: `/approve ${code}` },
        { label: "Allow here from now on", text: `/approve ${code} always` },
        { label: "Do not allow", text: `/deny ${code}` },
      ];
      const [isSent, { connections }] = await Promise.all([
        address !== null && send(approval, address, text, { choices }, "asked"),
        uses.gateway.connections({}, io()),
      ]);
      const isSeen = isSent || connections.some(({ role, scopes }) => role === "operator" && allows(scopes, "operator.approvals"));
      if (isSeen && agentId !== null)
        await note(agentId, id, `${text}\nAnswer here: /approve ${code}, /approve ${code} always, /deny ${code}`);
      return isSeen;
    },

    /** Says in place of the question what became of it. */
    async end(approval: Approval): Promise<void> {
      if (approval.address === null) return;
      await send(approval, approval.address, endText(approval), { edits: `approvals:${approval.id}:asked` }, "ended");
    },
  };

  /** A note is read by people, and by no model. */
  async function note(agentId: string, id: string, text: string): Promise<void> {
    const key = `agent:${agentId}:main`;
    const message = { role: "user" as const, content: text, timestamp: ctx.clock.now() };
    try {
      await uses.sessions.ensure({ key, owner: true }, io());
      await uses.sessions.append({ key, entries: [{ id: `approvals:${id}`, kind: "note", message }] }, io());
    } catch (error) {
      ctx.log.warn("approvals.not-noted", { key, id, error: errorMessage(error) });
    }
  }
}
