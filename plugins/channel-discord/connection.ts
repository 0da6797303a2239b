/** An account's connection: a session that goes on where it was left, else a new one, and what was written in between. */

import type { Logger } from "@pincer/plugin-sdk";
import { Intake } from "@pincer/plugin-sdk/channel/intake";
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type ChannelStatus, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import {
  type APIGatewayBotInfo,
  GatewayCloseCodes,
  GatewayDispatchEvents,
  type GatewayDispatchPayload,
  Routes,
} from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { howToLogIn } from "./config.ts";
import { hasFiles } from "./files.ts";
import { type Ended, openGateway, RESUMABLE } from "./gateway.ts";
import type { HandIn, Message, Receiver } from "./hand-in.ts";
import { CONTENT_INTENT, contentTrouble, intentsOf } from "./intents.ts";
import type { Commands } from "./interactions.ts";
import type { KnownPlaces } from "./known-places.ts";
import { fetchMissed } from "./missed.ts";
import type { Places } from "./places.ts";
import { newest, type Position, readPosition } from "./position.ts";
import { firstAt } from "./snowflake.ts";

/** Between two identifications of one bot; it has a thousand a day. */
const IDENTIFY_MS = 5_000;
/** How often is looked whether the intent is on now. */
const INTENT_MS = 30_000;
/** After so many events without a message, the position is kept, so that fewer are handed out again. */
const ADVANCE_EVERY = 500;

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly handIn: HandIn;
  readonly commands: Commands;
  readonly known: KnownPlaces;
  /** Of the plugin's life. */
  readonly signal: AbortSignal;
}

export interface Held {
  /** The last one that was kept; moves on. */
  position: string | undefined;
  /** When this bot identified, in monotonic milliseconds. */
  identifiedAt: number | undefined;
  readonly places: Places;
}

export async function* holdConnection(
  { clock, log, handIn, commands, known, signal: life }: ConnectionDeps,
  bot: Bot,
  held: Held,
  signal: AbortSignal,
): AsyncGenerator<ChannelStatus, void, void> {
  const me = await bot.me(signal);
  const self = `@${me.username}`;
  const receiver: Receiver = { bot, me, places: held.places };
  let position: Position = readPosition(held.position, me.id) ?? { bot: me.id, at: firstAt(clock.now()) };

  async function keep(text: string): Promise<void> {
    await handIn.advance(bot.account, text);
    held.position = text;
  }
  async function advance(next: Position): Promise<void> {
    await keep(JSON.stringify(next));
    position = next;
  }

  async function gatewayUrl(): Promise<string> {
    const { url, session_start_limit: starts } = await bot.call<APIGatewayBotInfo>({ signal, isSafe: true }, (rest) =>
      rest.get(Routes.gatewayBot()),
    );
    if (starts.remaining < 1) {
      throw channelErrors.CHANNEL_UNAVAILABLE(
        `Discord lets this bot connect anew in ${Math.ceil(starts.reset_after / 60_000)} minutes, since it did so too often today`,
      );
    }
    return bot.settings.gatewayUrl ?? url;
  }

  async function turnToIdentify(): Promise<void> {
    const since = held.identifiedAt === undefined ? IDENTIFY_MS : clock.monotonic() - held.identifiedAt;
    if (since < IDENTIFY_MS) await clock.sleep(IDENTIFY_MS - since, signal);
    held.identifiedAt = clock.monotonic();
  }

  const take = (intake: Intake, taken: { conversation: string; isLarge?: boolean }, hand: (text: string | undefined) => Promise<void>) =>
    intake.take({ ...taken, position: JSON.stringify(position) }, async (text) => {
      await hand(text);
      if (text !== undefined) held.position = text;
    });
  const takeMessage = (intake: Intake, message: Message, isFetched: boolean) =>
    take(intake, { conversation: message.channel_id, isLarge: hasFiles(message) }, (text) =>
      handIn.message(receiver, message, { position: text, until: signal, isFetched }),
    );

  /** Takes one event behind those before it. */
  async function handle(intake: Intake, event: GatewayDispatchPayload, signed: Promise<void> | undefined): Promise<void> {
    held.places.learn(event);
    const { session } = position;
    position = { ...position, ...(session && { session: { ...session, seq: event.s } }) };
    if (event.t === GatewayDispatchEvents.MessageCreate) {
      position = { ...position, at: newest(position.at, event.d.id) };
      await takeMessage(intake, event.d, false);
    } else if (event.t === GatewayDispatchEvents.InteractionCreate && signed) {
      await take(intake, { conversation: event.d.channel?.id ?? "" }, (text) =>
        handIn.interaction(receiver, event.d, { signed, position: text, until: signal }),
      );
    } else if (session && event.s % ADVANCE_EVERY === 0) {
      await intake.settle();
      await advance(position);
    }
  }

  async function catchUp(intake: Intake, from: string): Promise<void> {
    for (const message of await fetchMissed({ bot, known, clock, log }, from, signal)) {
      if (signal.aborted) return;
      position = { ...position, from: newest(from, message.id), at: newest(position.at, message.id) };
      await takeMessage(intake, message, true);
    }
    await intake.settle();
    const { from: _done, ...rest } = position;
    await advance(rest);
  }

  async function* run(): AsyncGenerator<ChannelStatus, Ended, void> {
    const { session } = position;
    const url = session ? (bot.settings.gatewayUrl ?? session.url) : await gatewayUrl();
    if (!session) await turnToIdentify();
    const signs = new Map<GatewayDispatchPayload, Promise<void>>();
    await using gateway = openGateway({
      ...{ token: bot.token, url, session, clock, intents: intentsOf(bot.settings) },
      onEvent(event) {
        if (event.t === GatewayDispatchEvents.InteractionCreate) signs.set(event, commands.sign(bot, event.d, life));
      },
    });
    using whole = linkSignals(signal);
    const intake = new Intake({ keep, onFailure: () => whole.abort(new Error("a message could not be kept")) });
    const events = gateway.events(whole.signal);
    for (;;) {
      const { done, value } = await events.next();
      if (done) {
        await intake.settle();
        return value;
      }
      const event = value;
      if (event.t === GatewayDispatchEvents.Ready) {
        const { session_id: id, resume_gateway_url } = event.d;
        const isFirst = held.position === undefined;
        const opened = { ...position, session: { id, url: resume_gateway_url, seq: event.s } };
        await advance(isFirst ? opened : { ...opened, from: position.from ?? position.at });
        yield { state: "connected", self };
        if (position.from !== undefined) await catchUp(intake, position.from);
      } else if (event.t === GatewayDispatchEvents.Resumed) {
        yield { state: "connected", self };
        if (position.from !== undefined) await catchUp(intake, position.from);
      } else await handle(intake, event, signs.get(event));
      signs.delete(event);
    }
  }

  while (!signal.aborted) {
    const { code, isLost } = yield* run();
    if (signal.aborted) return;
    if (isLost && position.session) {
      const { session: _lost, ...rest } = position;
      await advance({ ...rest, from: rest.from ?? rest.at });
    }
    if (code === GatewayCloseCodes.DisallowedIntents) yield* waitForIntent(bot, self, clock, signal);
    else if (code !== RESUMABLE) throw closedBy(code, bot);
    else yield { state: "reconnecting", detail: "Discord asks to connect again", self };
  }
}

async function* waitForIntent(bot: Bot, self: string, clock: Clock, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
  yield { state: "login-required", self, detail: CONTENT_INTENT };
  do await clock.sleep(INTENT_MS, signal);
  while ((await contentTrouble(bot, signal)) !== undefined);
  yield { state: "connecting", self };
}

function closedBy(code: number, bot: Bot): Error {
  switch (code) {
    case GatewayCloseCodes.AuthenticationFailed:
      return loginRequired("Discord does not accept the bot token", howToLogIn(bot.secret));
    case GatewayCloseCodes.ShardingRequired:
      return channelErrors.CHANNEL_REJECTED("the bot is in more servers than one connection may serve (Discord: sharding required)");
    case GatewayCloseCodes.InvalidIntents:
    case GatewayCloseCodes.InvalidAPIVersion:
    case GatewayCloseCodes.InvalidShard:
      return channelErrors.CHANNEL_REJECTED(
        `Discord refuses how this plugin connects (close code ${code}): a newer version of it may know better`,
      );
    default:
      return channelErrors.CHANNEL_UNAVAILABLE(`the connection to Discord broke (close code ${code})`);
  }
}
