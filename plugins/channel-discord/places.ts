/** What a conversation is on Discord: which server it belongs to, whether it is a thread, and what people call it. Learned as it is told, or asked for. */
import {
  type APIChannel,
  type APIRole,
  ChannelType,
  GatewayDispatchEvents,
  type GatewayDispatchPayload,
  Routes,
} from "discord-api-types/v10";
import type { Bot } from "./bot.ts";

export interface Place {
  readonly id: string;
  /** The server's; absent: between the two. */
  readonly guild?: string;
  readonly name?: string;
  /** Of a thread or a post in a forum: where it hangs. */
  readonly parent?: string;
}

interface Roles {
  readonly names: ReadonlyMap<string, string>;
  /** That every bot has for itself. */
  readonly own: ReadonlySet<string>;
}

type Described = Pick<APIChannel, "id" | "type"> & {
  readonly name?: string | null;
  readonly parent_id?: string | null;
  readonly guild_id?: string;
};

/** Places and servers that are remembered, of one account. */
const MOST = 5_000;

const THREADS: ReadonlySet<ChannelType> = new Set([ChannelType.AnnouncementThread, ChannelType.PublicThread, ChannelType.PrivateThread]);

export function placeOf({ id, type, name, parent_id, guild_id }: Described, guild = guild_id): Place {
  return {
    id,
    ...(guild === undefined ? {} : { guild }),
    ...(typeof name === "string" && guild !== undefined ? { name } : {}),
    // Of a channel it is the category.
    ...(THREADS.has(type) && typeof parent_id === "string" ? { parent: parent_id } : {}),
  };
}

export class Places {
  readonly #places = new Map<string, Place>();
  readonly #roles = new Map<string, Roles>();

  /** Takes in what an event says of places; every other event is none of its business. */
  learn(event: GatewayDispatchPayload): void {
    switch (event.t) {
      case GatewayDispatchEvents.GuildCreate: {
        const guild = event.d;
        for (const channel of [...(guild.channels ?? []), ...(guild.threads ?? [])]) this.#keep(placeOf(channel as Described, guild.id));
        this.#keepRoles(guild.id, guild.roles ?? []);
        return;
      }
      case GatewayDispatchEvents.ChannelCreate:
      case GatewayDispatchEvents.ChannelUpdate:
      case GatewayDispatchEvents.ThreadCreate:
      case GatewayDispatchEvents.ThreadUpdate:
        this.#keep(placeOf(event.d as Described));
        return;
      case GatewayDispatchEvents.GuildRoleCreate:
      case GatewayDispatchEvents.GuildRoleUpdate:
      case GatewayDispatchEvents.GuildRoleDelete:
        // They are asked for again when a message names one.
        this.#roles.delete(event.d.guild_id);
        return;
      default:
    }
  }

  nameOf = (id: string): string | undefined => this.#places.get(id)?.name;

  /** Throws in the SDK's errors what Discord refuses. */
  async of(bot: Bot, id: string, signal: AbortSignal): Promise<Place> {
    const known = this.#places.get(id);
    if (known) return known;
    return this.#keep(placeOf(await bot.attempt<Described>({ signal, isSafe: true }, (rest) => rest.get(Routes.channel(id)))));
  }

  async roles(bot: Bot, guild: string, signal: AbortSignal): Promise<Roles> {
    return (
      this.#roles.get(guild) ??
      this.#keepRoles(guild, await bot.call<APIRole[]>({ signal, isSafe: true }, (rest) => rest.get(Routes.guildRoles(guild))))
    );
  }

  #keep(place: Place): Place {
    if (this.#places.size >= MOST) this.#places.delete(this.#places.keys().next().value ?? "");
    this.#places.set(place.id, place);
    return place;
  }

  #keepRoles(guild: string, roles: readonly APIRole[]): Roles {
    const kept = {
      names: new Map(roles.map(({ id, name }) => [id, name])),
      own: new Set(roles.flatMap(({ id, tags }) => (tags?.bot_id === undefined ? [] : [`${tags.bot_id}:${id}`]))),
    };
    if (this.#roles.size >= MOST) this.#roles.delete(this.#roles.keys().next().value ?? "");
    this.#roles.set(guild, kept);
    return kept;
  }
}
