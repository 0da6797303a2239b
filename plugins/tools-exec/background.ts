/** Processes that go on after the call that started them: listed, bounded, and ended with their session or with this plugin. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { refusedOutcome, type ToolOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Command, type CommandOptions, startCommand } from "./command.ts";
import type { ExecConfig } from "./config.ts";
import { membersOf } from "./tree.ts";
import { endingInWords, shortly, stateInWords } from "./words.ts";

export interface Process {
  readonly id: string;
  readonly sessionKey: string;
  readonly command: Command;
  /** How much of its output was shown. */
  shown: number;
}

/** What is remembered of a process beyond this generation of the plugin. */
interface Kept {
  readonly id: string;
  readonly text: string;
  readonly startedAt: number;
  readonly mark: string;
  /** Undefined while it runs. */
  readonly ending?: string;
  readonly tail?: string;
}

const tailChars = 2_000;
const keyOf = (sessionKey: string, id = "") => `process/${sessionKey}/${id}`;

export class Background {
  readonly #running = new Map<string, Process>();
  readonly #unfinished = new Set<Promise<unknown>>();

  constructor(
    private readonly store: KeyValueStore,
    private readonly clock: Clock,
    private readonly settings: () => ExecConfig,
    private readonly log: Pick<Logger, "warn">,
  ) {}

  async start(sessionKey: string, options: CommandOptions): Promise<ToolOutcome> {
    const { backgroundPerSession, backgroundTotal, backgroundMs } = this.settings();
    const own = this.#of(sessionKey).filter(({ command }) => !command.ending()).length;
    const all = [...this.#running.values()].filter(({ command }) => !command.ending()).length;
    if (own >= backgroundPerSession || all >= backgroundTotal) {
      return refusedOutcome(`${own} background processes run for this session and ${all} in all, and no more may; kill one with process`);
    }
    const command = startCommand(options);
    const process: Process = { id: crypto.randomUUID().slice(0, 8), sessionKey, command, shown: 0 };
    this.#running.set(process.id, process);
    const life = this.clock.after(backgroundMs, () => this.#stop(process, `it ran for ${backgroundMs / 1_000} s, the longest allowed`));
    const remembered = command.ended.then(() => {
      life[Symbol.dispose]();
      return this.#keep(process);
    });
    this.#track(remembered);
    await this.#keep(process);
    const said = `started in the background as ${process.id}; process {action: "poll", id: "${process.id}"} shows what it writes`;
    return textOutcome(said, { id: process.id });
  }

  /** A process of this session that is in memory. */
  get(sessionKey: string, id: string): Process | undefined {
    const process = this.#running.get(id);
    return process?.sessionKey === sessionKey ? process : undefined;
  }

  async list(sessionKey: string): Promise<string[]> {
    const here = this.#of(sessionKey).map(({ id, command }) => `${id} ${stateInWords(command)} ${shortly(command.text)}`);
    const earlier = (await this.#kept(sessionKey)).map(async (kept) => `${kept.id} ${await lostInWords(kept)} ${shortly(kept.text)}`);
    return [...here, ...(await Promise.all(earlier))];
  }

  /** What is known of a process that an earlier generation of the plugin, or an earlier gateway, had started. */
  async earlier(sessionKey: string, id: string): Promise<string | undefined> {
    const find = async () => (await this.#kept(sessionKey)).find((kept) => kept.id === id);
    const kept = await find();
    if (!kept) return undefined;
    const how = await lostInWords(kept);
    // It may have ended, and been written down, between the two looks.
    const { tail, ending = how } = (kept.ending === undefined && (await find())) || kept;
    return [tail?.trimEnd() || "(no output was kept)", ending].join("\n");
  }

  /** Ends what a session left running, and forgets it. Does not wait: a session's end is nobody's to hold up. */
  endSession(sessionKey: string): void {
    for (const process of this.#of(sessionKey)) {
      this.#stop(process, "its session ended");
      this.#track(process.command.ended.then(() => this.#forget(sessionKey, process.id)));
    }
    this.#track(this.#kept(sessionKey).then((kept) => Promise.all(kept.map(({ id }) => this.#forget(sessionKey, id)))));
  }

  /** Ends everything, and waits until it has ended and is remembered. */
  async endAll(why: string): Promise<void> {
    const running = [...this.#running.values()].filter(({ command }) => !command.ending());
    // Written down first, so that the next generation never takes for lost what is being ended here.
    await Promise.all(running.map((process) => this.#keep(process, `[stopped: ${why}]`)));
    for (const process of running) this.#stop(process, why);
    await Promise.all(this.#unfinished);
  }

  #of(sessionKey: string): Process[] {
    return [...this.#running.values()].filter((process) => process.sessionKey === sessionKey);
  }

  #track(work: Promise<unknown>): void {
    const told = work.catch((error) => this.log.warn("tools-exec.background-failed", { error: errorMessage(error) }));
    const tracked: Promise<unknown> = told.finally(() => this.#unfinished.delete(tracked));
    this.#unfinished.add(tracked);
  }

  #stop({ command }: Process, why: string): void {
    this.#track(command.stop(why));
  }

  async #keep({ id, sessionKey, command }: Process, foretold?: string): Promise<void> {
    if (!this.#running.has(id)) return;
    const ending = command.ending();
    const { text, startedAt, mark } = command;
    const kept: Kept = {
      ...{ id, text: text.slice(0, tailChars), startedAt, mark },
      ...(ending ? { ending: endingInWords(ending) } : foretold !== undefined && { ending: foretold }),
      ...((ending || foretold) && { tail: command.output.text().slice(-tailChars).toWellFormed() }),
    };
    const ended = this.#of(sessionKey).filter(({ command }) => command.ending());
    const old = ended.slice(0, Math.max(0, ended.length - this.settings().endedKept)).map((process) => process.id);
    for (const gone of old) this.#running.delete(gone);
    const forgotten = Object.fromEntries(old.map((gone) => [keyOf(sessionKey, gone), undefined]));
    await this.store.set({ [keyOf(sessionKey, id)]: kept, ...forgotten });
  }

  /** Those that are not in memory. */
  async #kept(sessionKey: string): Promise<Kept[]> {
    const kept = await this.store.list<Kept>(keyOf(sessionKey));
    return kept.map(({ value }) => value).filter(({ id }) => !this.#running.has(id));
  }

  async #forget(sessionKey: string, id: string): Promise<void> {
    this.#running.delete(id);
    await this.store.set({ [keyOf(sessionKey, id)]: undefined });
  }
}

async function lostInWords({ ending, mark }: Kept): Promise<string> {
  if (ending !== undefined) return ending;
  const isEnding = (await membersOf(undefined, mark)).length > 0;
  return isEnding
    ? "[is being ended: the plugin that started it was replaced; poll again]"
    : "[ended when the gateway did; what it had written since is lost]";
}
