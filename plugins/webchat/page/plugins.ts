/** Plugins and skills: which there are, how each is, and what was installed. */
import { computed, signal } from "@preact/signals";
import { createProgress } from "./progress.ts";
import { addPart, messageOf, request, scopes, serves, view } from "./state.ts";

export interface Plugin {
  readonly id: string;
  readonly version: string | null;
  readonly summary: string;
  /** `embedded`: it comes with Pincer. */
  readonly origin: "embedded" | "installed";
  readonly state: string;
  readonly isolation: "inline" | "process";
  readonly enforced: boolean;
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly error: { readonly code: string; readonly message: string } | null;
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
export const mayChange = computed(() => scopes.value.has("operator.admin"));
/** Turning on and off, by id. */
export const switching = createProgress();

/** Without it nobody installs anything. It may have been turned on since this page was greeted with the methods that there are. */
export const installer = "registry-client";
const isOn = (plugins: readonly Plugin[], id: string) => plugins.some((one) => one.id === id && one.state !== "disabled");
export const canInstall = computed(() => isOn(read.value?.plugins ?? [], installer));

const failing = signal(0);
/** Those that do not run although they are on, and what is revoked, once that was read or told. */
export const broken = computed(() => failing.value + (read.value?.packages ?? []).filter(({ revoked }) => revoked !== null).length);
const noteHealth = (health: unknown) => {
  const errors = (health as { plugins?: { errors?: readonly unknown[] } } | undefined)?.plugins?.errors;
  if (errors !== undefined) failing.value = errors.length;
};

let reading = 0;
export async function loadPlugins(): Promise<void> {
  const ticket = ++reading;
  try {
    const { plugins } = serves("plugins.status")
      ? await request<{ plugins: readonly Plugin[] }>("plugins.status", {})
      : { plugins: [] as readonly Plugin[] };
    // Of a plugin that is off nothing is known.
    const [{ skills }, { packages }] = await Promise.all([
      serves("skills.status") ? request<Pick<Read, "skills">>("skills.status", {}) : { skills: [] },
      isOn(plugins, installer) ? request<Pick<Read, "packages">>("registry-client.list", {}) : { packages: [] },
    ]);
    if (ticket !== reading) return;
    read.value = { plugins, skills, packages };
    failure.value = undefined;
  } catch (error) {
    if (ticket === reading) failure.value = messageOf(error);
  }
}

export const switchPlugin = (pluginId: string, enabled: boolean) =>
  switching.run(pluginId, () => request("plugins.setEnabled", { pluginId, enabled }), loadPlugins);

/** One permission: as the manifest has it, and what it means. */
export interface Permission {
  readonly risk: "low" | "medium" | "high";
  readonly permission: string;
  readonly text: string;
}

/** What a plugin may, in words, by its id and version, once somebody has looked. */
export const inWords = signal<ReadonlyMap<string, readonly Permission[]>>(new Map());
export async function loadWords({ id, version, origin }: Plugin): Promise<void> {
  const key = `${id} ${version}`;
  if (!mayChange.value || !canInstall.value || inWords.value.has(key)) return;
  // What somebody writes here may have the name of something in a registry, of which that speaks then.
  if (origin === "installed" && !read.value?.packages.some((one) => one.kind === "plugins" && one.id === id)) return;
  const words = await request<{ item: { permissions: readonly Permission[] } }>("registry-client.info", { package: `plugin:${id}` }).then(
    ({ item }) => item.permissions,
    // The permissions stand there as they are written, which is all that is known then.
    () => undefined,
  );
  if (words !== undefined) inWords.value = new Map(inWords.value).set(key, words);
}

view.subscribe((now) => {
  if (now === "plugins") void loadPlugins();
});

/** After these something of it may be otherwise. */
const telling = new Set(["health", "plugins.changed", "skills.changed", "registry-client.revoked", "registry-client.updated"]);

addPart({
  fresh(hello) {
    noteHealth((hello["snapshot"] as { health?: unknown } | undefined)?.health);
    if (view.value === "plugins") void loadPlugins();
  },
  told(name, payload) {
    if (name === "health") noteHealth(payload);
    const isDone = name === "registry-client.progressed" && (payload["step"] === "done" || payload["step"] === "undone");
    if ((isDone || telling.has(name)) && (view.value === "plugins" || name.endsWith(".revoked"))) void loadPlugins();
  },
});
