/** Where calls are let pass and counted: the book, its limits and its calendar, as the configuration has them now. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { BudgetReport, BudgetState, Spent } from "@pincer/plugin-sdk/contracts/budgets";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { HookPayload, Verdict } from "@pincer/plugin-sdk/hook";
import type { jobAdmitting, modelCalled, modelCalling } from "@pincer/plugin-sdk/hooks";
import { Book, type Level, nothing, type OpenCall } from "./book.ts";
import { type Calendar, createCalendar } from "./calendar.ts";
import type { BudgetsConfig } from "./config.ts";
import {
  beyond,
  expectedOf,
  limitWithoutPrice,
  nothingExpected,
  refusedBy,
  refuseUnpriced,
  resetOf,
  resettingOf,
  spentBy,
  stateOf,
  usedUp,
} from "./gate.ts";
import { createKeeping, type Keeping } from "./keeping.ts";
import { keyWith, type Limit, limitsOf, type Place, periodIn, periodOf } from "./limits.ts";
import { budgetReached, tellOwner } from "./telling.ts";
import { Users } from "./users.ts";
import { meantBy, type Whose } from "./whose.ts";
import { overview, unpricedPasses, warning } from "./words.ts";

export const uses = { sessions };
type DeskContext = PluginContext<BudgetsConfig, typeof uses>;

const allowed: Verdict = { allow: true };
const EXPIRE_MS = 300_000;
const SWEEP_MS = 3_600_000;
/** Ends that were told before the call was held, as when its gate was late; and calls that were taken to have ended. */
const mostRemembered = 1_000;
/** Of a limit that each has, the shares that are shown. */
const mostShares = 20;

function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  if (map.size > mostRemembered) for (const oldest of map.keys()) return void map.delete(oldest);
}

export class Desk {
  /** Why the configuration does not hold as it is written. */
  problem: string | undefined;
  readonly #ctx: DeskContext;
  readonly #book: Book;
  readonly #keeping: Keeping;
  #loading: Promise<void> | undefined;
  #isReady = false;
  /** The calls that ran in the generation before this one. */
  #inherited: readonly OpenCall[] | undefined;
  #calendar: Calendar | undefined;
  #limits: readonly Limit[] = [];
  #day = { date: "", from: 0, until: 0 };
  /** By the clock that only grows: a time of day that is set forward and back must not take what was used with it. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #sweptAt = 0;
  readonly #users = new Users();
  readonly #ended = new Map<string, true>();
  /** What was taken to have used what was held for it, should its end be told yet. */
  readonly #assumed = new Map<string, OpenCall>();

  constructor(ctx: DeskContext) {
    this.#ctx = ctx;
    this.#keeping = createKeeping(ctx);
    this.#book = new Book((key, value) => this.#keeping.changed(key, value));
  }

  /** The configuration is another. */
  configured(): void {
    const { timeZone } = this.#ctx.config;
    this.problem = undefined;
    try {
      this.#calendar = createCalendar(timeZone);
    } catch {
      this.#calendar = createCalendar(undefined);
      this.problem = `budgets.timeZone: there is no time zone "${timeZone}", such as Europe/Berlin; that of the machine holds (${this.#calendar.timeZone})`;
      this.#ctx.log.error("budgets.time-zone-unknown", { timeZone, next: this.problem });
    }
    this.#limits = limitsOf(this.#ctx.config);
    this.#day = { date: "", from: 0, until: 0 };
  }

  /** Answers at once, when the book is open. */
  admit(asked: HookPayload<typeof modelCalling>): Verdict | Promise<Verdict> {
    return this.#isReady ? this.#decide(asked) : this.#opened(() => this.#decide(asked));
  }

  /** A job that asks models is about to be admitted. */
  admitJob({ spends }: HookPayload<typeof jobAdmitting>): Verdict | Promise<Verdict> {
    if (!spends || spends.answered === true) return allowed;
    const decide = (): Verdict => {
      const { now, calendar, date } = this.#now();
      const whose: Whose = { agent: spends.agentId ?? "", model: "", profile: "", ...this.#userOf(spends.user) };
      const place = { date, session: spends.sessionKey ?? "", run: "" };
      const refused = usedUp(this.#book, calendar, { whose, place }, now);
      if (!refused) return allowed;
      this.#tell(refused.limit, refused.key, "used-up", { session: place.session, isAnswered: false });
      return refused.verdict;
    };
    return this.#isReady ? decide() : this.#opened(decide);
  }

  /** A call has ended. */
  async called(ended: HookPayload<typeof modelCalled>): Promise<void> {
    const { callId } = ended;
    await this.#open();
    const { now, date } = this.#now();
    const held = this.#book.find(callId);
    const assumed = this.#assumed.get(callId);
    this.#assumed.delete(callId);
    if (!held && !assumed) remember(this.#ended, callId, true);
    const of: OpenCall = held ?? assumed ?? { id: callId, ...this.#of(ended, date), ...nothingExpected, at: now };
    const spent = spentBy(ended, of);
    this.#book.settle(of, assumed ? beyond(spent, assumed) : spent, now);
    if (spent.tokens > 0 || spent.usd > 0) this.#look(of);
  }

  async sessionEnded(session: string): Promise<void> {
    await this.#open();
    this.#book.forgetSession(session);
  }

  async report(session: string | undefined): Promise<BudgetReport> {
    await this.#open();
    const { now, calendar, date } = this.#now();
    const month = date.slice(0, 7);
    const sums: { today: Spent; month: Spent; session?: Spent } = {
      today: this.#book.sum("day", (of) => of === date),
      month: this.#book.sum("day", (of) => of.startsWith(month)),
      ...(session === undefined ? {} : { session: this.#book.sum("session", (of) => of === session) }),
    };
    const limits = this.#book.limits.flatMap((limit) => this.#states(limit, { date, session: session ?? "", run: "" }));
    const { timeZone } = calendar;
    return { updatedAt: now, timeZone, ...sums, limits, text: overview({ ...sums, limits }, { now, timeZone }) };
  }

  /** What the next generation needs to know of the calls that run. Null: the book was not opened here. */
  async snapshot(): Promise<readonly OpenCall[] | null> {
    await this.#keeping.flush();
    return this.#isReady ? this.#book.open : null;
  }
  restore(open: readonly OpenCall[] | null): void {
    this.#inherited = open ?? undefined;
    this.#isReady = false;
    this.#loading = undefined;
  }

  end(): Promise<void> {
    return this.#keeping.end();
  }

  /** A book that cannot be opened refuses, but where there is nothing to hold. */
  async #opened(decide: () => Verdict): Promise<Verdict> {
    try {
      await this.#open();
    } catch (error) {
      if (Object.keys(this.#ctx.config.limits).length > 0) throw error;
      this.#ctx.log.error("budgets.not-counted", { error: errorMessage(error) });
      return allowed;
    }
    return decide();
  }

  #open(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { rows, told, open } = await this.#keeping.load();
    if (this.#calendar === undefined) this.configured();
    const inherited = this.#inherited;
    this.#inherited = undefined;
    this.#book.load(rows, told, inherited ?? open, inherited === undefined);
    this.#isReady = true;
    this.#sweptAt = this.#ctx.clock.monotonic();
    const { date } = this.#now();
    for (const { kind, of, whose } of rows.values()) if (kind === "day" && of === date) this.#users.countedAs(whose.user);
  }

  /** The time, and what is due at it. */
  #now(): { readonly now: number; readonly calendar: Calendar; readonly date: string } {
    const now = this.#ctx.clock.now();
    const calendar = this.#calendar as Calendar;
    if (now < this.#day.from || now >= this.#day.until) {
      this.#day = { date: calendar.dateOf(now), from: now, until: calendar.endOfDay(now) };
      this.#users.clear();
    }
    const { date } = this.#day;
    this.#book.use(this.#limits, date);
    const passed = this.#ctx.clock.monotonic();
    if (passed - this.#lookedAt >= EXPIRE_MS) {
      this.#lookedAt = passed;
      for (const call of this.#book.expire(now, this.#ctx.config.heldMs)) {
        remember(this.#assumed, call.id, call);
        this.#ctx.log.warn("budgets.end-not-told", { callId: call.id, model: call.whose.model });
      }
    }
    if (passed - this.#sweptAt >= SWEEP_MS) {
      this.#sweptAt = passed;
      this.#book.sweep(now, calendar.dateOf);
    }
    return { now, calendar, date };
  }

  #decide(asked: HookPayload<typeof modelCalling>): Verdict {
    const { now, calendar, date } = this.#now();
    // Whoever asked has given up meanwhile.
    if (this.#ended.has(asked.callId)) return allowed;
    const call = this.#of(asked, date);
    const expected = expectedOf(asked, this.#ctx.config);
    const unseen = expected.isPriced ? undefined : limitWithoutPrice(this.#book, call.whose);
    if (unseen) {
      if (this.#ctx.config.unknownPrice === "refuse") return refuseUnpriced(asked, unseen);
      this.#tellUnpriced(asked.model, unseen, call.place);
    }
    const refused = refusedBy(this.#book, calendar, call, expected, now);
    if (refused) {
      if (refused.key !== "") this.#tell(refused.limit, refused.key, "used-up", { session: call.place.session, isAnswered: true });
      return refused.verdict;
    }
    this.#book.hold({ id: asked.callId, ...call, ...expected, at: now });
    return allowed;
  }

  #of(
    {
      agentId = "",
      user,
      model,
      profile = "",
      sessionKey: session = "",
      runId: run = "",
    }: Pick<HookPayload<typeof modelCalling>, "agentId" | "user" | "model" | "profile" | "sessionKey" | "runId">,
    date: string,
  ): { readonly whose: Whose; readonly place: Place } {
    return { whose: { agent: agentId, model, profile, ...this.#userOf(user) }, place: { date, session, run } };
  }

  /** Limits mean the name that somebody has, also where it is counted under another. */
  #userOf(name = ""): Pick<Whose, "user" | "meant"> {
    const user = this.#users.countedAs(name);
    if (user === name) return { user };
    const own = { agent: "", user: name, model: "", profile: "" };
    const meant = this.#book.limits.flatMap(({ only }) => (only.user !== undefined && meantBy("user", only.user)(own) ? only.user : []));
    return meant.length === 0 ? { user } : { user, meant: [...new Set(meant)] };
  }

  /** Which limits have come near their end with that call. */
  #look({ whose, place }: OpenCall): void {
    for (const limit of this.#book.limits) {
      const key = limit.counts(whose) ? limit.keyOf(whose, place) : undefined;
      if (key === undefined) continue;
      const { state } = stateOf(limit, key, this.#book.counter(limit, key), undefined);
      if (state !== "ok") this.#tell(limit, key, state, { session: place.session, isAnswered: false });
    }
  }

  #tell(
    limit: Limit,
    key: string,
    level: Level,
    { session, isAnswered }: { readonly session: string; readonly isAnswered: boolean },
  ): void {
    const { now, calendar } = this.#now();
    if (!this.#book.tell({ limit: limit.name, mark: limit.mark, key, level, at: now })) return;
    const state = stateOf(limit, key, this.#book.counter(limit, key), resetOf(limit, calendar, now));
    const message = warning(state, level, limit.hard, resettingOf(limit, calendar, now));
    this.#ctx.log.warn("budgets.reached", { limit: limit.name, level, of: state.of?.name, usd: state.usd, tokens: state.tokens });
    this.#ctx.emit(budgetReached, {
      ...{ level, limit: state, message, ts: now },
      ...(session === "" ? {} : { sessionKey: session }),
    });
    void tellOwner(this.#ctx, { message, sessionKey: session, isAnswered });
  }

  #tellUnpriced(model: string, limit: Limit, { date, session }: Place): void {
    const { now } = this.#now();
    if (!this.#book.tell({ limit: `${limit.name}/unpriced`, mark: limit.mark, key: keyWith(date, model), level: "soft", at: now })) return;
    const message = `⚠️ ${unpricedPasses(model, limit.name)}`;
    this.#ctx.log.warn("budgets.price-unknown", { model, limit: limit.name });
    void tellOwner(this.#ctx, { message, sessionKey: session, isAnswered: false });
  }

  /** A limit as it stands; of one that each has, the largest shares. */
  #states(limit: Limit, place: Place): readonly BudgetState[] {
    const { now, calendar } = this.#now();
    const period = periodOf(limit.per, place);
    const resetsAt = resetOf(limit, calendar, now);
    const counters = [...this.#book.counters(limit)].filter(([key]) => period !== "" && periodIn(key) === period);
    if (counters.length === 0) {
      const unused = { ...nothing, heldUsd: 0, heldTokens: 0 };
      const { of: _, ...state } = stateOf(limit, period, unused, resetsAt);
      return [state];
    }
    return counters
      .map(([key, counter]) => ({ state: stateOf(limit, key, counter, resetsAt), counter }))
      .sort((a, b) => b.counter.usd - a.counter.usd || b.counter.tokens - a.counter.tokens)
      .slice(0, mostShares)
      .map(({ state }) => state);
  }
}
