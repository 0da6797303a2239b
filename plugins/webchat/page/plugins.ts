/** Plugins and skills: which there are, how each is, and what was installed. */
import { computed, signal } from "@preact/signals";
import { addPart, messageOf, request, serves, view } from "./state.ts";

export interface Plugin {
  readonly id: string;
  readonly version: string | null;
  readonly summary: string;
  readonly state: string;
  readonly isolation: "inline" | "process";
  readonly enforced: boolean;
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly error: { readonly message: string } | null;
}

export interface Skill {
  readonly name: string;
  readonly description: string;
  readonly eligible: boolean;
  readonly reasons: readonly string[];
}

/** What was installed beside what this Pincer brings. */
export interface Package {
  readonly kind: "plugins" | "skills";
  readonly id: string;
  readonly is: string;
  readonly version: string;
  readonly source: string;
  readonly publisher: string | null;
  readonly pinned: boolean;
  readonly before: string | null;
  readonly revoked: string | null;
  readonly automatic: string | null;
}

interface Read {
  readonly plugins: readonly Plugin[];
  readonly skills: readonly Skill[];
  readonly packages: readonly Package[];
}

/** Undefined: not read yet. */
export const read = signal<Read | undefined>(undefined);
export const failure = signal<string | undefined>(undefined);

const failing = signal(0);
/** Those that do not run although they are on, and what is revoked, once that was read or told. */
export const broken = computed(() => failing.value + (read.value?.packages ?? []).filter(({ revoked }) => revoked !== null).length);
const noteHealth = (health: unknown) => {
  const errors = (health as { plugins?: { errors?: readonly unknown[] } } | undefined)?.plugins?.errors;
  if (errors !== undefined) failing.value = errors.length;
};

/** Of a plugin that is off nothing is known. */
const ofThose = async <Of>(method: string, pick: (answer: never) => readonly Of[]): Promise<readonly Of[]> =>
  serves(method) ? pick(await request<never>(method, {})) : [];

export async function loadPlugins(): Promise<void> {
  try {
    const [plugins, skills, packages] = await Promise.all([
      ofThose("plugins.status", (answer: { plugins: readonly Plugin[] }) => answer.plugins),
      ofThose("skills.status", (answer: { skills: readonly Skill[] }) => answer.skills),
      ofThose("registry-client.list", (answer: { packages: readonly Package[] }) => answer.packages),
    ]);
    read.value = { plugins, skills, packages };
    failure.value = undefined;
  } catch (error) {
    failure.value = messageOf(error);
  }
}

view.subscribe((now) => {
  if (now === "plugins") void loadPlugins();
});

/** After these something of it may be otherwise. */
const telling = new Set(["health", "registry-client.revoked", "registry-client.updated"]);

addPart({
  fresh(hello) {
    noteHealth((hello["snapshot"] as { health?: unknown } | undefined)?.health);
    if (view.value === "plugins") void loadPlugins();
  },
  told(name, payload) {
    if (name === "health") noteHealth(payload);
    if (telling.has(name) && (view.value === "plugins" || name.endsWith(".revoked"))) void loadPlugins();
  },
});
