/** What people do with the gateway while it dies, and what they were promised: a book of every message, its acknowledgement and its answer. */
import { WireClient, WireFailure } from "@pincer/plugin-sdk/testing/client";
import { token } from "./home-config.ts";
import type { Random } from "./random.ts";
import { type Wish, type World, wording } from "./world.ts";

const pages = ["agent:main:main", "agent:main:page-1", "agent:main:page-2"] as const;
/** The owner's room leads to the main session, the others to sessions of their own, without tools. */
const rooms = [
  { room: "home", from: "ada", direct: true, sessionKey: "agent:main:main" },
  { room: "bob", from: "bob", direct: true, sessionKey: "agent:main:scripted:default:bob" },
  { room: "club", from: "carol", direct: false, sessionKey: "agent:main:scripted:default:club" },
] as const;

type Mode = "steer" | "followup" | "collect" | "interrupt";

/** A message that has a turn, or a part in one. */
export interface Said {
  readonly name: string;
  readonly runId: string;
  readonly sessionKey: string;
  readonly mode: Mode;
  /** Where it was written; absent: on the page. */
  readonly room?: string;
  readonly updateId?: number;
  /** Acknowledged: by an answer, or by asking the platform for what comes behind it. */
  isAccepted: boolean;
  /** Whether somebody asked for it to be stopped, and whether that was acknowledged. */
  stop: "no" | "asked" | "acknowledged";
}

/** A message that the owner sends to a room by hand. */
interface Note {
  readonly key: string;
  readonly text: string;
  answer?: { readonly status: string; readonly messageIds: readonly string[] };
}

/** What is repeated after a restart, since its answer was not heard. */
interface Open {
  readonly said: Said;
  readonly text: string;
}

export class Load {
  readonly said: Said[] = [];
  readonly notes: Note[] = [];
  /** Acknowledged entries of the audit log. */
  audited = 0;
  readonly refusals: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #open = new Map<string, Open>();
  #next = 1;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Says what was not answered again, then new things. Ends when all was answered, or the connection is gone. */
  async wave(url: string, fresh: boolean): Promise<void> {
    let client: WireClient;
    try {
      client = await WireClient.connect({ url, token });
    } catch (error) {
      if (error instanceof WireFailure) this.refusals.push(error.message);
      return;
    }
    const repeated = [...this.#open.values()];
    const random = this.#random;
    if (fresh) {
      for (const room of random.some(rooms)) for (let n = random.upTo(3); n > 0; n--) this.#write(room);
      if (random.isTrue(0.25)) this.#world.platform.fail(...random.pick([["lost"], ["unavailable"], ["unavailable", "lost"]] as const));
      const old = this.said.findLast(({ updateId }) => updateId !== undefined);
      if (old?.room !== undefined && random.isTrue(0.3)) this.#repeat(old);
      if (random.isTrue(0.5)) this.notes.push({ key: `note-${this.#next}`, text: `Note ${this.#next++}.` });
    }
    // Chosen before anything is awaited, so that the same seed says the same.
    const plan = pages.map((sessionKey) => ({
      repeated: repeated.filter(({ said }) => said.sessionKey === sessionKey),
      composed: Array.from({ length: fresh ? random.upTo(3) : 0 }, () => this.#compose(sessionKey)),
    }));
    const work = plan.map(async ({ repeated, composed }) => {
      for (const open of repeated) await this.#send(client, open);
      for (const { open, isStopped } of composed) {
        this.said.push(open.said);
        this.#open.set(open.said.runId, open);
        await this.#send(client, open);
        if (isStopped && open.said.isAccepted) await this.#stop(client, open.said);
      }
    });
    for (const note of this.notes) if (note.answer === undefined) work.push(this.#note(client, note));
    if (fresh && random.isTrue(0.5)) work.push(this.#audit(client));
    await Promise.all(work);
    await client.close();
  }

  /** What the platform knows to have arrived. */
  heardFromPlatform(): void {
    for (const said of this.said) if (said.updateId !== undefined) said.isAccepted ||= said.updateId <= this.#world.platform.confirmed;
  }

  get isAccepted(): boolean {
    this.heardFromPlatform();
    return this.said.every(({ isAccepted }) => isAccepted) && this.notes.every(({ answer }) => answer !== undefined);
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

  #write({ room, from, direct, sessionKey }: (typeof rooms)[number]): void {
    const name = `m${this.#next++}`;
    const { id } = this.#world.platform.say(room, from, wording(name, this.#wish()), { direct, mentions: true });
    const runId = `in:scripted:default:${id}`;
    this.said.push({ name, runId, sessionKey, mode: "steer", room, updateId: id, isAccepted: false, stop: "no" });
  }

  #repeat({ updateId = 0, room = "", name }: Said): void {
    const { from, direct } = rooms.find((one) => one.room === room) ?? rooms[0];
    this.#world.platform.repeat({ id: updateId, room, from, direct, text: `${name} again` });
  }

  #compose(sessionKey: string): { readonly open: Open; readonly isStopped: boolean } {
    const random = this.#random;
    const name = `m${this.#next++}`;
    const mode = random.pick(["steer", "steer", "followup", "collect", "interrupt"] as const);
    const said: Said = { name, runId: `run-${name}-of-the-page`, sessionKey, mode, isAccepted: false, stop: "no" };
    return { open: { said, text: wording(name, this.#wish()) }, isStopped: random.isTrue(0.15) };
  }

  async #send(client: WireClient, { said, text }: Open): Promise<void> {
    const { runId: idempotencyKey, sessionKey, mode: queueMode } = said;
    const answer = await this.#call<{ status: string }>(client, "chat.send", { sessionKey, message: text, queueMode, idempotencyKey });
    if (answer === undefined) return;
    said.isAccepted = true;
    this.#open.delete(idempotencyKey);
  }

  async #stop(client: WireClient, said: Said): Promise<void> {
    said.stop = "asked";
    const { sessionKey, runId } = said;
    const answer = await this.#call<{ runIds: readonly string[] }>(client, "chat.abort", { sessionKey, runId });
    if (answer?.runIds.includes(runId)) said.stop = "acknowledged";
  }

  async #note(client: WireClient, note: Note): Promise<void> {
    const { key: idempotencyKey, text: message } = note;
    const answer = await this.#call<NonNullable<Note["answer"]>>(client, "send", {
      channel: "scripted",
      to: "bob",
      message,
      idempotencyKey,
    });
    if (answer !== undefined) note.answer = answer;
  }

  async #audit(client: WireClient): Promise<void> {
    if ((await this.#call(client, "gateway.loginLink", {})) !== undefined) this.audited++;
  }

  /** Undefined when no answer was heard. A refusal that asks to try again is no answer; any other is a complaint. */
  async #call<T>(client: WireClient, method: string, params: unknown): Promise<T | undefined> {
    try {
      return await client.call<T>(method, params);
    } catch (error) {
      if (error instanceof WireFailure && error.error.retryable !== true) this.refusals.push(error.message);
      return undefined;
    }
  }
}
