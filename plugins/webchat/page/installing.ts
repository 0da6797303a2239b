/** Looking for packages, and what would be done with them. Nothing is done before its plan was shown, and said yes to. */
import { computed, signal } from "@preact/signals";
import { loadPlugins, type Permission } from "./plugins.ts";
import { addPart, type Failure, failureOf, hangUp, request, view } from "./state.ts";

type Kind = "plugins" | "skills";

export interface Hit {
  readonly kind: Kind;
  readonly id: string;
  readonly version: string;
  readonly summary: string;
  readonly source: string;
  readonly registry: string | null;
  readonly publisher: string | null;
}

export interface Notice {
  readonly code: string;
  readonly level: "note" | "warning" | "yes";
  readonly text: string;
  readonly finding?: "new" | "known";
}

export interface ModelText {
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
}

export interface PlanItem {
  readonly kind: Kind;
  readonly id: string;
  readonly action: "install" | "enable" | "update" | "rollback" | "remove" | "disable" | "restore" | "keep";
  readonly summary: string;
  readonly from?: string;
  readonly to?: string;
  readonly source: string;
  readonly size?: number;
  readonly files?: number;
  readonly dependencies?: number;
  readonly publisher?: { readonly name: string; readonly fingerprints: readonly string[]; readonly threshold: number };
  readonly permissions: readonly Permission[];
  readonly gained: readonly string[];
  readonly lost: readonly string[];
  readonly modelText: readonly ModelText[];
  readonly reads?: { readonly eachTurn: number; readonly whenUsed: number };
  readonly requires?: readonly string[];
  readonly notices: readonly Notice[];
  readonly needs: readonly string[];
}

/** As `registry-client.plan` and `.apply` take it. */
export interface Asked {
  readonly do: "install" | "update" | "remove" | "rollback";
  readonly packages?: readonly string[];
  readonly kind?: Kind;
  readonly data?: boolean;
}

export interface Version {
  readonly version: string;
  readonly publishedAt: string;
  readonly yanked: string | null;
}

export interface Step {
  readonly id: string;
  readonly step: string;
  readonly detail?: string;
}

export interface Review {
  readonly asked: Asked;
  readonly at: "planning" | "shown" | "applying" | "failed";
  readonly plan?: { readonly items: readonly PlanItem[]; readonly token: string };
  /** What was said yes to, by `yesOf`. */
  readonly accepted: ReadonlySet<string>;
  readonly step?: Step;
  readonly failure?: Failure;
  readonly versions?: readonly Version[];
}

interface Found {
  readonly query: string;
  /** Undefined: not answered yet. */
  readonly hits?: readonly Hit[];
  /** The registries that did not answer. */
  readonly unheard?: readonly { readonly registry: string; readonly why: string }[];
  readonly failure?: Failure;
}

export const found = signal<Found | undefined>(undefined);
/** What is looked at before it is done, or is being done. */
export const review = signal<Review | undefined>(undefined);
/** What was done last, and what there is to do then. */
export const outcome = signal<{ readonly lines: readonly string[]; readonly next: readonly string[] } | undefined>(undefined);

export async function search(query: string): Promise<void> {
  if (query === "") {
    found.value = undefined;
    return;
  }
  const mine: Found = { query };
  found.value = mine;
  const answer = await request<Required<Pick<Found, "hits" | "unheard">>>("registry-client.search", { query, limit: 50 }).then(
    ({ hits, unheard }): Found => ({ query, hits, unheard }),
    (error): Found => ({ query, failure: failureOf(error) }),
  );
  if (found.value === mine) found.value = answer;
}

/** What one yes is about. */
export const yesOf = ({ kind, id }: PlanItem, need: string): string => `${kind}/${id} ${need}`;
export const changes = computed(() => (review.value?.plan?.items ?? []).filter(({ action }) => action !== "keep"));
/** How many of the things that need a yes of their own have none yet. */
export const unanswered = computed(
  () => changes.value.flatMap((item) => item.needs.filter((need) => !review.value?.accepted.has(yesOf(item, need)))).length,
);

/** Grows with everything that is asked for: an answer to what nobody looks at any more is of no use. */
let ticket = 0;
const change = (of: number, next: Partial<Review>): void => {
  if (of === ticket && review.value !== undefined) review.value = { ...review.value, ...next };
};

/** Asks what it would do. `versions`: what there is to choose from, where that was read. */
export async function look(asked: Asked, versions?: readonly Version[]): Promise<void> {
  const mine = ++ticket;
  outcome.value = undefined;
  review.value = { asked, at: "planning", accepted: new Set(), ...(versions && { versions }) };
  try {
    change(mine, { at: "shown", plan: await request<NonNullable<Review["plan"]>>("registry-client.plan", { request: asked }) });
  } catch (error) {
    change(mine, { at: "failed", failure: failureOf(error) });
  }
}

export function leave(): void {
  ticket++;
  review.value = undefined;
}

export function accept(yes: string, isSaid: boolean): void {
  const accepted = new Set(review.value?.accepted);
  if (isSaid) accepted.add(yes);
  else accepted.delete(yes);
  change(ticket, { accepted });
}

const DONE: Readonly<Record<PlanItem["action"], string>> = {
  install: "is installed",
  enable: "is on",
  update: "is up to date now",
  rollback: "is back",
  remove: "is removed",
  disable: "is off",
  restore: "is as it was",
  keep: "stays as it is",
};

/** The secrets that it may read now and could not before, which nobody has given it yet. */
const secretsOf = (items: readonly PlanItem[]): readonly string[] =>
  items.flatMap(({ action, permissions, gained }) => {
    const isNew = action === "install" || action === "enable";
    const names = isNew ? permissions.map(({ permission }) => permission) : gained;
    return names.flatMap((permission) => /^secrets ([A-Z0-9_]+)$/.exec(permission)?.[1] ?? []);
  });

/** Exactly what was shown, with what was said yes to. */
export async function carryOut(): Promise<void> {
  if (review.value?.plan === undefined || unanswered.value > 0) return;
  const { asked, plan, accepted } = review.value;
  const mine = ++ticket;
  change(mine, { at: "applying" });
  const said = plan.items.flatMap((item) => item.needs.filter((need) => accepted.has(yesOf(item, need))));
  try {
    const { done } = await request<{ done: readonly (Pick<PlanItem, "id" | "action"> & { version?: string; next?: string })[] }>(
      "registry-client.apply",
      { request: asked, token: plan.token, accepted: [...new Set(said)] },
    );
    await loadPlugins();
    const made = done.filter(({ action }) => action !== "keep");
    outcome.value = {
      lines: made.map(({ id, version = "", action }) => `${id} ${version} ${DONE[action]}.`),
      next: [...made.flatMap(({ next = [] }) => next), ...secretsOf(plan.items).map((name) => `pincer secrets set ${name}`)],
    };
    if (mine === ticket) review.value = undefined;
  } catch (error) {
    if (mine !== ticket) return;
    await loadPlugins();
    change(mine, { at: "failed", failure: failureOf(error) });
  }
}

/** A request ends with its connection; what it had begun is taken back. */
export function giveUp(): void {
  const isBegun = review.value?.at === "applying";
  leave();
  if (!isBegun) return;
  outcome.value = {
    lines: ["Stopped. What was begun is taken back, unless it was done by then; below stands what is installed."],
    next: [],
  };
  hangUp();
}

/** Which versions there are of what is looked at. */
export async function loadVersions({ kind, id }: PlanItem): Promise<void> {
  const mine = ticket;
  const typed = review.value?.asked.packages?.[0] ?? id;
  const { versions } = await request<{ versions: readonly Version[] }>("registry-client.info", { package: typed, kind }).catch(() => ({
    versions: [],
  }));
  change(mine, { versions });
}

view.subscribe((now) => {
  if (now !== "plugins") outcome.value = undefined;
});

addPart({
  fresh: () => undefined,
  told(name, payload) {
    const { asked, plan, at } = review.value ?? {};
    if (name !== "registry-client.progressed" || asked === undefined || (at !== "planning" && at !== "applying")) return;
    const step = payload as unknown as Step;
    // Somebody else may install something, too.
    const own = [...(plan?.items ?? []).map(({ id }) => id), ...(asked.packages ?? []).map(idOf), asked.do];
    if (plan === undefined ? asked.packages === undefined || own.includes(step.id) : own.includes(idOf(step.id))) change(ticket, { step });
  },
});

/** Of what is typed: `home/weather@1.0.0`. */
const idOf = (typed: string): string => typed.replace(/^.*[/:]/, "").replace(/@.*$/, "");
