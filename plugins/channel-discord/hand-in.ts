/** Hands in what came. A position moves only with what the inbox has kept. */
import type { Logger } from "@pincer/plugin-sdk";
import { acceptInTime } from "@pincer/plugin-sdk/channel/intake";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { Acceptance, InboundMessage, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import type { APIInteraction, APIMessage, APIUser } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { isClosed } from "./failure.ts";
import { fetchFiles, filesOf, unfetched } from "./files.ts";
import { contentOf, type Reading, readMessage } from "./incoming.ts";
import { type Commands, readInteraction } from "./interactions.ts";
import type { KnownPlaces } from "./known-places.ts";
import type { Place, Places } from "./places.ts";

export interface HandInDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly commands: Commands;
  readonly known: KnownPlaces;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the plugin's life: what was received is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

export type Message = APIMessage & { readonly guild_id?: string };

export interface Receiver {
  readonly bot: Bot;
  readonly me: APIUser;
  readonly places: Places;
}

interface Way {
  /** Kept with the message; undefined when another one takes it along. */
  readonly position: string | undefined;
  /** The connection's end, with which nothing is waited for any more. */
  readonly until: AbortSignal;
}

/** What is tried again when the connection is: the message is handed out again then. */
const passing: ReadonlySet<unknown> = new Set(["CHANNEL_UNAVAILABLE", "CHANNEL_RATE_LIMITED", "CHANNEL_LOGIN_REQUIRED"]);

export function createHandIn({ inbox, commands, known, clock, log, signal }: HandInDeps) {
  /** What comes by the gateway says which server it is from; what is fetched later does not. */
  async function placeOf({ bot, places }: Receiver, { channel_id: id, guild_id: guild }: Message, isFetched: boolean): Promise<Place> {
    if (guild === undefined && !isFetched) return { id };
    try {
      return await places.of(bot, id, signal);
    } catch (error) {
      // What is fetched does not say where it is from: of a place that is closed by now nobody could tell that it is no private one.
      if (!isClosed(error) || guild === undefined) throw bot.failure(error, true);
      return { id, guild };
    }
  }

  async function read(to: Receiver, message: Message, isFetched: boolean): Promise<InboundMessage | undefined> {
    const { bot, me, places } = to;
    if (message.author.id === me.id) return undefined;
    const place = await placeOf(to, message, isFetched);
    const { guild } = place;
    const namesRoles = guild !== undefined && /<@&\d+>/.test(contentOf(message).content);
    const reading: Reading = {
      account: bot.account,
      me,
      place,
      nameOf: places.nameOf,
      roles: namesRoles ? await places.roles(bot, guild, signal) : undefined,
    };
    const said = readMessage(message, reading, unfetched(message));
    if (!said || filesOf(message).length === 0 || !(await inbox.admits({ message: said }, { signal })).admit) return said;
    return readMessage(message, reading, await fetchFiles(bot, clock, message, signal));
  }

  async function kept(account: string, id: string, make: () => Promise<InboundMessage | undefined>): Promise<InboundMessage | undefined> {
    try {
      return await make();
    } catch (error) {
      if (signal.aborted || (isGatewayError(error) && passing.has(error.code))) throw error;
      // One that cannot be read must not keep those behind it.
      log.error("discord.event-unreadable", { account, id, error: errorMessage(error) });
      return undefined;
    }
  }

  async function accept(message: InboundMessage | undefined, account: string, { position, until }: Way): Promise<Acceptance | undefined> {
    const kept = position === undefined ? {} : { position };
    if (message) return await acceptInTime(inbox, { message, ...kept }, { clock, signal, until });
    if (position !== undefined) await inbox.advance({ channel: "discord", account, position }, { signal });
    return undefined;
  }

  return {
    /** `isFetched`: it did not come by the gateway. */
    async message(to: Receiver, message: Message, { isFetched, ...way }: Way & { readonly isFetched: boolean }): Promise<void> {
      const { account } = to.bot;
      const said = await kept(account, message.id, () => read(to, message, isFetched));
      const accepted = await accept(said, account, way);
      if (accepted?.status === "accepted") await known.add(account, message.channel_id);
    },

    /** `signed`: that Discord has its sign, or gets none. */
    async interaction(
      to: Receiver,
      interaction: APIInteraction,
      { signed, ...way }: Way & { readonly signed: Promise<void> },
    ): Promise<void> {
      const { bot, places } = to;
      const message = await kept(bot.account, interaction.id, async () => readInteraction(interaction, bot.account, places.nameOf));
      const isCommand = message?.messageId !== undefined;
      // Before it is handed in, since the answer may be there at once.
      if (isCommand) await commands.keep(interaction);
      const accepted = await accept(message, bot.account, way);
      await signed;
      if (isCommand && accepted?.status === "refused") await commands.drop(bot, interaction, signal);
    },

    async advance(account: string, position: string): Promise<void> {
      await inbox.advance({ channel: "discord", account, position }, { signal });
    },
  };
}
export type HandIn = ReturnType<typeof createHandIn>;
