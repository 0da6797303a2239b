/** `pincer plugin`: for authors. The work is in the kit; here it is asked for and shown. */
import { join, resolve } from "node:path";
import { bold, dot } from "@pincer/plugin-sdk/command/colour";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { discover } from "../../plugin-host/discovery.ts";
import { buildPlugin } from "../../plugin-kit/build.ts";
import { checkPlugin, type Step } from "../../plugin-kit/check.ts";
import { createPlugin } from "../../plugin-kit/create.ts";
import { linkPlugin, unlinkPlugin } from "../../plugin-kit/link.ts";
import { connect } from "./client.ts";
import type { Run } from "./command.ts";
import { type Home, holder, repository as pincer, pluginFolders, readConfig } from "./home.ts";
import type { Terminal } from "./terminal.ts";

const dots = { passed: dot("good"), failed: dot("bad"), skipped: dot("off") };

const answer = (terminal: Terminal, value: object, ...said: readonly string[]): number => {
  terminal.result({ ok: true, ...value }, `${dots.passed} ${said.join("\n  ")}`);
  return EXIT.done;
};

export const create: Run = async ({ args: [kind = "", id = "", folder = id], home, terminal }) => {
  const takenBy = discover(pluginFolders(home)).get(id)?.folder;
  const files = await createPlugin({ kind, id, folder: resolve(folder), takenBy, pincer, clock });
  const next = ["check", "link"].map((verb) => `pincer plugin ${verb} ${folder}`);
  return answer(terminal, { id, kind, folder, files, next }, `${bold(id)} is in ${resolve(folder)}: ${files.join(", ")}`, ...next);
};

export const build: Run = async ({ args: [folder = "."], flags, terminal }) => {
  const out = resolve(folder, "dist");
  const options = flags["check"] ? { check: true } : { bundle: join(out, "plugin.js"), archive: out };
  const { manifest, isChanged: changed, archive, summary } = await buildPlugin(resolve(folder), clock, options);
  const { id, version } = manifest;
  return answer(terminal, { id, version, changed, archive }, `${bold(id)} ${version}: ${summary}`);
};

export const check: Run = async ({ args: [folder = "."], home, terminal }) => {
  const steps: Step[] = [];
  for await (const step of checkPlugin(resolve(folder), { clock, pincer, home: home.path })) {
    steps.push(step);
    const head = columns([[`${dots[step.verdict]} ${step.name}`, step.summary]], { least: 14 });
    if (!terminal.json) terminal.print([...head, ...step.lines].join("\n    "));
  }
  const failed = steps.filter(({ verdict }) => verdict === "failed").map(({ name }) => name);
  terminal.result({ ok: failed.length === 0, steps }, failed.length > 0 ? `not in order: ${failed.join(", ")}` : "in order");
  return failed.length === 0 ? EXIT.done : EXIT.failed;
};

/** A gateway that runs looks again at what there is. */
async function refresh(home: Home): Promise<void> {
  using client = holder(home)?.state && (await connect(home));
  await client?.call("plugins.refresh", {}, { timeoutMs: 0 });
}

export const link: Run = async ({ args: [folder = "."], home, terminal }) => {
  const id = linkPlugin(resolve(folder), home.path);
  await refresh(home);
  const next = [`config set plugins.${id}.isolation process`, `plugins enable ${id}`].map((words) => `pincer ${words}`);
  return answer(terminal, { id, next }, `${bold(id)} is used from ${resolve(folder)}; to run it, confined to its permissions:`, ...next);
};

export const unlink: Run = async ({ args: [which = "."], home, terminal }) => {
  const id = unlinkPlugin(which, home.path);
  await refresh(home);
  const next = readConfig(home).isSet(`plugins.${id}`) ? [`pincer config set plugins.${id} --unset`] : [];
  return answer(terminal, { id, next }, `${bold(id)} is linked no more; its folder and what it kept stay as they are`, ...next);
};
