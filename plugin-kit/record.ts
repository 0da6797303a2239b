/** Finds what belongs under `generated` of a manifest: `setup` runs against a context that only takes note. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { PluginDefinition } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { flagsIn } from "@pincer/plugin-sdk/command/usage";
import { asSection, checkShape, fit } from "@pincer/plugin-sdk/config-fit";
import { configPathOf, type Generated, type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { slowPattern } from "@pincer/plugin-sdk/pattern";
import { refusedEvent, refusedUse } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { setUp } from "@pincer/plugin-sdk/runtime/context";
import { limitedFetch } from "@pincer/plugin-sdk/runtime/fetch";
import { Instance } from "@pincer/plugin-sdk/runtime/instance";
import { importPlugin, loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import type { Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import type { Shape } from "@pincer/plugin-sdk/shape";

interface Recorded {
  readonly file: string;
  /** As it is, and as it should be. */
  readonly text: string;
  readonly next: string;
  readonly manifest: Manifest;
}

/** Reads the plugin's files anew. Throws `PLUGIN_LOAD_FAILED` with file, line and reason, or `PLUGIN_MANIFEST_INVALID`. */
export async function recordManifest(folder: string, clock: Clock): Promise<Recorded> {
  const file = join(folder, "plugin.json");
  const text = await readFile(file, "utf8");
  const { generated: _, ...written } = parseManifest(text, file);
  const generated = await record(folder, written, clock, async (registered, definition) => {
    requireScopes(written, registered, definition);
    return registered.describe(definition);
  });
  requireStable(written.id, generated);
  requireSentences(written.id, generated);
  if (generated.config) checkShape(generated.config as Shape, configPathOf(written).split("."));
  const manifest = { ...written, generated };
  return { file, text, next: `${print(manifest, "", 0)}\n`, manifest };
}

/** The entry is read anew, except where it is an absolute path. Runs `setup` with its defaults for configuration, hands over what it registered, and undoes it. */
export async function record<T>(
  folder: string,
  manifest: Manifest,
  clock: Clock,
  use: (registered: Registrations, definition: PluginDefinition) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "pincer-record-"));
  const never = (what: string) => () => {
    throw pluginErrors.PLUGIN_LOAD_FAILED(`setup of ${manifest.id} uses ${what}: setup registers, and works only when it is called`);
  };
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const limits = () => ({ unloadMs: 5_000, retryFirstMs: 1_000, retryLongestMs: 60_000 });
  const instance = new Instance({ name: `the recording of ${manifest.id}`, clock, limits, fault: () => undefined });
  try {
    // What was bundled with whoever asks shares its parts, which are not to be read anew.
    const definition = await importPlugin(folder, manifest.entry, !isAbsolute(manifest.entry));
    const config = definition.config && fit(asSection(definition.config as Shape), undefined, [], () => undefined);
    await setUp(definition, manifest, instance, {
      home,
      dataDir: join(home, "data"),
      clock,
      log: silent,
      config: () => config,
      store: { get: never("the store"), list: never("the store"), set: never("the store") },
      handle: (contract) => new Proxy({}, { get: never(`the capability ${contract.id}`) }),
      isProvided: () => true,
      emit: never("emit"),
      call: never("call"),
      secret: never("secret"),
      run: never("run"),
      fetch: limitedFetch(manifest.id, manifest.permissions ?? {}, () => config, never("secret")),
    });
    return await use(instance.registered, definition);
  } catch (error) {
    throw loadFailure(manifest.id, folder, error);
  } finally {
    await instance.unload();
    await rm(home, { recursive: true, force: true });
  }
}

/** What the gateway would refuse when it loads the plugin, its author is to hear now. */
function requireScopes({ id, permissions: { scopes = [] } = {} }: Manifest, registered: Registrations, { uses = {} }: PluginDefinition) {
  const contracts = Object.values(uses).map((use) => ("optional" in use ? use.optional : use));
  const events = [...registered.all("listens").values()].flatMap(({ event }) => event ?? []);
  const others = events.filter(({ name }) => !registered.get("emits", name));
  const refusals = [
    ...contracts.map((contract) => refusedUse(id, scopes, contract)),
    ...others.map((event) => refusedEvent(id, scopes, event)),
  ];
  const refusal = refusals.find((refused) => refused !== undefined);
  if (refusal) throw refusal;
}

/** A manifest must say the same on every machine, and nothing that cannot be checked. */
function requireStable(id: string, generated: Generated): void {
  const { methods = {}, emits = {}, jobs = {}, facets = {}, state, config } = generated;
  const slow = slowPattern(generated);
  if (slow)
    throw pluginErrors.PLUGIN_MANIFEST_INVALID(
      `${id}: the pattern ${JSON.stringify(slow.pattern)} at generated${slow.path} may take long on some text: ${slow.why}`,
    );
  const schemas = [
    ...Object.values(methods).flatMap(({ params, result, accepted }) => [params, result, accepted]),
    ...Object.values(emits).map(({ payload }) => payload),
    ...Object.values(jobs).flatMap(({ input, result }) => [input, result]),
    ...Object.values(facets).map(({ schema }) => schema),
    state,
    config,
  ];
  for (const schema of schemas) {
    if (schema) reviveSchema(schema);
    const counted = /"\$id":"(T\d+)"/.exec(JSON.stringify(schema) ?? "");
    if (counted)
      throw pluginErrors.PLUGIN_MANIFEST_INVALID(
        `${id}: a recursive schema needs an $id of its own: "${counted[1]}" depends on what was loaded before`,
      );
  }
}

/** Whoever asks for help reads of each flag what it does, and of none that is not there. */
function requireSentences(id: string, { commands = {} }: Generated): void {
  for (const [name, { usage, flags = {} }] of Object.entries(commands)) {
    const [used, said] = [flagsIn(usage).map((flag) => flag.name), Object.keys(flags)];
    const wrong = [...used.filter((one) => !said.includes(one)), ...said.filter((one) => !used.includes(one))];
    if (wrong.length > 0)
      throw pluginErrors.PLUGIN_MANIFEST_INVALID(
        `${id}: the command "${name}" has ${wrong.map((one) => `--${one}`).join(", ")} only in its usage, or only in its flags: expected each in both`,
      );
  }
}

const width = 140;

/** JSON as the formatter of this repository would have it: on one line where it fits. */
function print(value: unknown, indent: string, used: number): string {
  const flat = printFlat(value);
  const isOpen = indent === "" || indent.length + used + flat.length + 1 > width;
  if (!isOpen || typeof value !== "object" || value === null || flat.length === 2) return flat;
  const inner = `${indent}  `;
  const rows = Array.isArray(value)
    ? value.map((item) => print(item, inner, 0))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item, inner, JSON.stringify(key).length + 2)}`);
  const [left, right] = Array.isArray(value) ? "[]" : "{}";
  return `${left}\n${rows.map((row) => inner + row).join(",\n")}\n${indent}${right}`;
}

function printFlat(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printFlat).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const rows = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${printFlat(item)}`);
  return rows.length === 0 ? "{}" : `{ ${rows.join(", ")} }`;
}
