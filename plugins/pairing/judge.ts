/** Whether a message is admitted: by the account's rules, by what the owner decided, by what its sender was told before. */
import type { Address, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { Verdict } from "@pincer/plugin-sdk/contracts/sender-policy";
import type { GroupRule, SenderRules } from "@pincer/plugin-sdk/contracts/sender-rules";
import type { Queue } from "@pincer/plugin-sdk/queue";
import { type Applicants, type Asked, type Kind, longestId } from "./applicants.ts";
import { createChat, parsePair } from "./chat.ts";
import type { Decisions } from "./decisions.ts";
import { requested } from "./methods.ts";
import type { PairingContext } from "./uses.ts";
import { asksOwner, greeting, onlyDirect, onlyOwner } from "./words.ts";

/** Where the owner wrote directly the last time, and as whom. */
interface Seat {
  readonly address: Address;
  readonly sender: string;
}
const seatKey = "owner-seat";

interface Asker {
  readonly message: InboundMessage;
  readonly rules: SenderRules;
  readonly isOwner: boolean;
}

/** The same whenever it is asked for again. */
const notYet = "the sender was not let in when this was written";
const notApproved = (group: string) => `the owner had not approved the group ${group} when this was written`;

const groupOf = ({ group, address }: InboundMessage): string => group?.id ?? address.conversation;
const ruleOf = ({ groups = {} }: SenderRules, group: string): GroupRule | undefined =>
  Object.hasOwn(groups, group) ? groups[group] : groups["*"];

const sameSeat = (a: Seat | undefined, b: Seat) => a !== undefined && Bun.deepEquals(a, b);
const refused = (reason: string, owner = false): Verdict => ({ admit: false, owner, reason });
const speaksToBot = ({ mentioned, replyTo }: InboundMessage) => mentioned === true || replyTo?.own === true;

export function createJudge(ctx: PairingContext, applicants: Applicants, decisions: Decisions, inTurn: Queue) {
  const { owners } = ctx.uses;
  const chat = createChat(ctx, decisions);
  let seat: Seat | undefined;

  const sit = async ({ address, sender }: InboundMessage): Promise<void> => {
    const now: Seat = { address, sender: sender.id };
    if (sameSeat(seat, now)) return;
    if (!sameSeat(await ctx.store.get<Seat>(seatKey), now)) await ctx.store.set({ [seatKey]: now });
    seat = now;
  };
  /** Whoever sat there may be the owner no longer. */
  const ownersAddress = async (): Promise<Address | undefined> => {
    const last = await ctx.store.get<Seat>(seatKey);
    if (last === undefined) return undefined;
    const { channel, account } = last.address;
    const { owner } = await owners.is({ channel, account, sender: last.sender }, { signal: ctx.signal });
    return owner ? last.address : undefined;
  };

  const ask = (kind: Kind, id: string, name: string | undefined, { address, eventId }: InboundMessage): Promise<Asked> =>
    inTurn(async () => {
      const ownerKnown = (await owners.list({}, { signal: ctx.signal })).identities.length > 0;
      const { channel, account } = address;
      const shown = name === undefined ? {} : { name: [...name].slice(0, longestId).join("") };
      const asked = await applicants.ask({ kind, channel, account, id, address, eventId, ownerKnown, ...shown }, async (applicant) =>
        decisions.askOwner(applicant, await ownersAddress(), asksOwner(applicant)),
      );
      if (asked !== "full" && asked.isNew) {
        const { requestId, name: called, createdAt: ts } = asked.applicant;
        ctx.emit(requested, { requestId, kind, channel, accountId: account, id, ts, ...(called ? { name: called } : {}) });
      }
      return asked;
    });

  async function direct({ message, rules, isOwner }: Asker): Promise<Verdict> {
    const { address, sender, eventId } = message;
    const { channel, account } = address;
    const { allowFrom = [], direct: policy = "pairing" } = rules;
    if (policy === "deny") return refused(`channels.${channel} answers nobody directly (direct: deny)`);
    const known = policy === "pairing" ? await applicants.find({ kind: "sender", channel, account, id: sender.id }) : undefined;
    if (known?.eventId === eventId) return { ...refused("the sender was given a code"), reply: greeting(known) };
    if (known && applicants.wasRefused(known, eventId)) return refused(notYet);
    const mayWrite = isOwner || allowFrom.includes(sender.id) || allowFrom.includes("*") || known?.state === "approved";
    if (mayWrite) {
      const typed = parsePair(message);
      if (isOwner) await sit(message);
      if (typed === undefined) return { admit: true, owner: isOwner };
      return { ...refused("a command", isOwner), reply: { text: isOwner ? await chat.answer(message, typed) : onlyOwner } };
    }
    if (policy === "allowlist") return refused(`${sender.id} is not in channels.${channel}.allowFrom`);
    const asked = await ask("sender", sender.id, sender.name, message);
    if (asked === "full") return refused("a stranger, who was told nothing, since too many others ask");
    const { applicant } = asked;
    if (applicant.eventId === eventId) return { ...refused("the sender was given a code"), reply: greeting(applicant) };
    // Let in while this message waited for its turn to be looked at.
    return applicant.state === "approved" ? { admit: true, owner: false } : refused(notYet);
  }

  /** What the rule of the group asks of a message; undefined: nothing more. */
  async function lacking(message: InboundMessage, { policy = "mention" }: GroupRule, groupId: string): Promise<string | undefined> {
    const { channel, account } = message.address;
    if (policy === "deny") return `the group ${groupId} is not answered (policy: deny)`;
    if (policy === "allow") return undefined;
    if (policy === "reply") return message.replyTo?.own === true ? undefined : "it replies to nothing that the assistant wrote";
    if (!speaksToBot(message)) return "it does not speak to the assistant";
    if (policy === "mention") return undefined;
    const known = await applicants.find({ kind: "group", channel, account, id: groupId });
    if (known?.state === "approved") return applicants.wasRefused(known, message.eventId) ? notApproved(groupId) : undefined;
    const asked = known?.state === "rejected" ? "full" : await ask("group", groupId, message.group?.name, message);
    return asked !== "full" && asked.applicant.state === "approved" ? undefined : notApproved(groupId);
  }

  async function group({ message, rules, isOwner }: Asker): Promise<Verdict> {
    const { sender } = message;
    const { allowFrom = [] } = rules;
    const groupId = groupOf(message);
    if (groupId.length > longestId) return refused(`the group's id is longer than ${longestId} characters`);
    const rule = ruleOf(rules, groupId);
    const members = rule === undefined ? allowFrom : rule.allowFrom;
    const isMember = members === undefined || members.includes("*") || members.includes(sender.id) || isOwner;
    if (!isMember) return refused(`${sender.id} is not among those who are answered in the group ${groupId}`, isOwner);
    const why = await lacking(message, rule ?? {}, groupId);
    if (why !== undefined) return refused(why, isOwner);
    if (parsePair(message) !== undefined && speaksToBot(message))
      return { ...refused("a command", isOwner), reply: { text: isOwner ? onlyDirect : onlyOwner } };
    return { admit: true, owner: isOwner, ...(rule?.agent === undefined ? {} : { agentId: rule.agent }) };
  }

  return async function judge(message: InboundMessage, rules: SenderRules): Promise<Verdict> {
    const { address, sender, chat: place } = message;
    const { channel, account } = address;
    if (sender.id === "" || sender.id.length > longestId) return refused(`a sender's id has 1 to ${longestId} characters`);
    const rule = place === "group" ? ruleOf(rules, groupOf(message)) : undefined;
    const isNamed = [...(rules.allowFrom ?? []), ...(rule?.allowFrom ?? [])].includes(sender.id);
    // Two programs that answer each other never end.
    if (sender.bot === true && !isNamed) return refused(`${sender.id} is a program, and not named in channels.${channel}.allowFrom`);
    const { owner } = await owners.is({ channel, account, sender: sender.id }, { signal: ctx.signal });
    const asker: Asker = { message, rules, isOwner: owner && sender.bot !== true };
    return place === "direct" ? direct(asker) : group(asker);
  };
}
