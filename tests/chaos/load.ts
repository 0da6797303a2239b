/** What people do with the gateway while it dies, and what they were promised: a book of every message, its acknowledgement and its answer. */
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { WireClient, WireFailure } from "@pincer/plugin-sdk/testing/client";
import type { ChaosChannel, Room } from "./channels/channel.ts";
import { isOwner, token } from "./home-config.ts";
import type { Random } from "./random.ts";
import { type Wish, type World, wording } from "./world.ts";

const pages = ["agent:main:main", "agent:main:page-1", "agent:main:page-2"] as const;

type Mode = "steer" | "followup" | "collect" | "interrupt";

/** Where a message on a channel was written. */
export interface Place extends Room {
  readonly channel: ChaosChannel;
  readonly event: string;
}

/** A message that has a turn, or a part in one. */
export interface Said {
  readonly name: string;
  readonly runId: string;
  readonly sessionKey: string;
  readonly mode: Mode;
  /** Absent: on the page. */
  readonly place?: Place;
  /** Acknowledged: by an answer; by what the platform was told; where no platform is told, by having been read or kept. */
  isAccepted: boolean;
  /** Whether somebody asked for it to be stopped, and whether that was acknowledged. */
  stop: "no" | "asked" | "acknowledged";
}

/** A message that the owner sends to a room by hand. */
interface Note {
  readonly key: string;
  readonly text: string;
  readonly channel: ChaosChannel;
  readonly to: string;
  answer?: { readonly status: string; readonly messageIds: readonly string[] };
}

/** What is repeated after a restart, since its answer was not heard. */
interface Open {
  readonly said: Said;
  readonly text: string;
}

interface Account {
  readonly connected: boolean;
}

/** The owner's room leads to the main session, the others to sessions of their own, without tools. */
const sessionOf = ({ name }: ChaosChannel, { conversation, thread, from }: Room): string =>
  `agent:main:${isOwner(name, from) ? "main" : `${name}:default:${conversation}`}${thread === undefined ? "" : `:thread:${thread}`}`;

const lookMs = 3;
const patienceMs = 90_000;

export class Load {
  readonly said: Said[] = [];
  readonly notes: Note[] = [];
  /** Acknowledged entries of the audit log. */
  audited = 0;
  readonly refusals: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #open = new Map<string, Open>();
  /** Channels that have been connected: whoever has never been there cannot know what was said before. */
  readonly #met = new Set<ChaosChannel>();
  #next = 1;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Says what was not answered again, then new things. Ends when all was heard, or the gateway is gone. */
  async wave(url: string, fresh: boolean, isOver: () => boolean): Promise<void> {
    let client: WireClient;
    try {
      client = await WireClient.connect({ url, token });
    } catch (error) {
      this.#refused(error);
      return;
    }
    for (const channel of this.#world.channels) channel.moved?.(url.replace(/^ws/, "http"));
    if (!(await this.#meet(client))) return client.close();
    const repeated = [...this.#open.values()];
    const random = this.#random;
    if (fresh) {
      for (const channel of this.#world.channels) this.#disturb(channel);
      if (random.isTrue(0.5)) this.#write(random.pick(this.#world.channels));
    }
    // Chosen before anything is awaited, so that the same seed says the same.
    const plan = pages.map((sessionKey) => ({
      repeated: repeated.filter(({ said }) => said.sessionKey === sessionKey),
      composed: Array.from({ length: fresh ? random.upTo(3) : 0 }, () => this.#compose(sessionKey)),
    }));
    const work = plan.map(async ({ repeated, composed }) => {
      // Who is refused says that again before anything else.
      let isHeard = true;
      for (const open of repeated) isHeard &&= await this.#send(client, open);
      for (const { open, isStopped } of composed) {
        if (!isHeard) return;
        this.said.push(open.said);
        this.#open.set(open.said.runId, open);
        isHeard = await this.#send(client, open);
        if (isStopped && open.said.isAccepted) await this.#stop(client, open.said);
      }
    });
    for (const note of this.notes) if (note.answer === undefined) work.push(this.#note(client, note));
    if (fresh && random.isTrue(0.5)) work.push(this.#audit(client));
    await Promise.all(work);
    await this.#heard(isOver);
    await client.close();
  }

  /** What the outside knows to have arrived. `kept`: whether the store of a gateway that has ended has it. */
  heardOutside(kept: (runId: string) => boolean = () => false): void {
    const read = new Set(this.#world.asks.flatMap(({ names }) => names));
    for (const said of this.said) {
      const { place, name, runId } = said;
      if (place === undefined || said.isAccepted) continue;
      said.isAccepted = place.channel.isConfirmed?.(place.event) ?? (read.has(name) || kept(runId));
    }
  }

  /** What was said and is not accepted, for people to read. */
  missing(): string[] {
    this.heardOutside();
    const unheard = this.said.filter(({ isAccepted }) => !isAccepted);
    const unanswered = this.notes.filter(({ answer }) => answer === undefined);
    return [
      ...unheard.map(({ name, sessionKey, place }) => `${name} in ${place ? `${place.channel.name} ${place.conversation}` : sessionKey}`),
      ...unanswered.map(({ key, channel, to }) => `${key} to ${channel.name} ${to}`),
    ];
  }

  /** Waits until every channel has been connected once. False when the gateway is gone. */
  async #meet(client: WireClient): Promise<boolean> {
    const late = clock.monotonic() + patienceMs;
    for (;;) {
      const strangers = this.#world.channels.filter((channel) => !this.#met.has(channel));
      if (strangers.length === 0) return true;
      const status = await this.#call<{ channelAccounts: Record<string, Account[]> }>(client, "channels.status", {});
      if (status === undefined) return false;
      for (const channel of strangers) if (status.channelAccounts[channel.name]?.[0]?.connected) this.#met.add(channel);
      if (clock.monotonic() > late) {
        this.refusals.push(`not connected: ${strangers.map(({ name }) => name).join(", ")}; ${JSON.stringify(status.channelAccounts)}`);
        return false;
      }
      await clock.sleep(lookMs);
    }
  }

  /** Waits until what was written on channels has come in. */
  async #heard(isOver: () => boolean): Promise<void> {
    const late = clock.monotonic() + patienceMs;
    for (;;) {
      this.heardOutside();
      const missing = this.said.filter(({ place, isAccepted }) => place !== undefined && !isAccepted);
      if (missing.length === 0 || isOver() || clock.monotonic() > late) return;
      await clock.sleep(lookMs);
    }
  }

  /** What happens on one channel in one wave. */
  #disturb(channel: ChaosChannel): void {
    const random = this.#random;
    const isBusy = this.#world.channels.length === 1 || random.isTrue(0.4);
    if (!isBusy) return;
    for (const room of random.some(channel.rooms)) for (let n = random.upTo(3); n > 0; n--) this.#write(channel, room);
    if (random.isTrue(0.25)) channel.fail(...random.pick([["lost"], ["unavailable"], ["unavailable", "lost"]] as const));
    const old = this.said.findLast(({ place }) => place?.channel === channel)?.place;
    if (old !== undefined && random.isTrue(0.3)) channel.repeat?.(old.event);
    // To somebody who has written: not everybody else can be reached.
    if (old !== undefined && random.isTrue(0.5)) {
      const text = `Note ${this.#next}.`;
      this.notes.push({ key: `note-${this.#next++}`, text, channel, to: old.conversation });
    }
  }

  #wish(): Wish {
    const random = this.#random;
    return {
      steps: random.pick([0, 0, 1, 1, 2]),
      calls: 1 + random.upTo(2),
      lines: random.pick([1, 3, 20, 30]),
      pace: random.pick([0, 1, 2]),
    };
  }

  #write(channel: ChaosChannel, room: Room = this.#random.pick(channel.rooms)): void {
    const name = `m${this.#next++}`;
    const event = channel.say(room, wording(name, this.#wish()));
    const runId = `in:${channel.name}:default:${event}`;
    const place = { ...room, channel, event };
    this.said.push({ name, runId, sessionKey: sessionOf(channel, room), mode: "steer", place, isAccepted: false, stop: "no" });
  }

  #compose(sessionKey: string): { readonly open: Open; readonly isStopped: boolean } {
    const random = this.#random;
    const name = `m${this.#next++}`;
    const mode = random.pick(["steer", "steer", "followup", "collect", "interrupt"] as const);
    const said: Said = { name, runId: `run-${name}-of-the-page`, sessionKey, mode, isAccepted: false, stop: "no" };
    return { open: { said, text: wording(name, this.#wish()) }, isStopped: random.isTrue(0.15) };
  }

  /** Whether it was accepted. */
  async #send(client: WireClient, { said, text }: Open): Promise<boolean> {
    const { runId: idempotencyKey, sessionKey, mode: queueMode } = said;
    const answer = await this.#call<{ status: string }>(client, "chat.send", { sessionKey, message: text, queueMode, idempotencyKey });
    if (answer === undefined) return false;
    said.isAccepted = true;
    return this.#open.delete(idempotencyKey);
  }

  async #stop(client: WireClient, said: Said): Promise<void> {
    said.stop = "asked";
    const { sessionKey, runId } = said;
    const answer = await this.#call<{ runIds: readonly string[] }>(client, "chat.abort", { sessionKey, runId });
    if (answer?.runIds.includes(runId)) said.stop = "acknowledged";
  }

  async #note(client: WireClient, note: Note): Promise<void> {
    const { key: idempotencyKey, text: message, channel, to } = note;
    const answer = await this.#call<NonNullable<Note["answer"]>>(client, "send", { channel: channel.name, to, message, idempotencyKey });
    if (answer !== undefined) note.answer = answer;
  }

  async #audit(client: WireClient): Promise<void> {
    if ((await this.#call(client, "gateway.loginLink", {})) !== undefined) this.audited++;
  }

  /** A refusal that asks to try again is no answer; any other is a complaint. */
  #refused(error: unknown): void {
    if (error instanceof WireFailure && error.error.retryable !== true) this.refusals.push(error.message);
  }

  /** Undefined when no answer was heard. */
  async #call<T>(client: WireClient, method: string, params: unknown): Promise<T | undefined> {
    try {
      return await client.call<T>(method, params);
    } catch (error) {
      this.#refused(error);
      return undefined;
    }
  }
}
