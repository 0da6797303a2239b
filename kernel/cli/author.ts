/** `pincer plugin`: for authors. The work is in the kit; here it is asked for and shown. */
import { join, relative, resolve } from "node:path";
import { discover } from "../../plugin-host/discovery.ts";
import { buildPlugin } from "../../plugin-kit/build.ts";
import { checkPlugin, type Step } from "../../plugin-kit/check.ts";
import { createPlugin } from "../../plugin-kit/create.ts";
import { linkPlugin } from "../../plugin-kit/link.ts";
import { systemClock as clock } from "../clock.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./failure.ts";
import { repository as pincer } from "./home.ts";
import { pluginFolders } from "./plugin-commands.ts";
import { bold, columns, dim, green, red, type Terminal, yellow } from "./terminal.ts";

const dot = green("●");
const answer = (terminal: Terminal, value: object, ...lines: readonly string[]): number => {
  terminal.result({ ok: true, ...value }, lines.join("\n"));
  return EXIT.done;
};

export const create: Run = async ({ args: [kind = "", id = "", given = id], home, terminal }) => {
  const folder = resolve(given);
  const takenBy = discover(pluginFolders(home)).get(id)?.folder;
  const files = await createPlugin({ kind, id, folder, takenBy, pincer, clock });
  const next = ["check", "link"].map((verb) => `pincer plugin ${verb} ${relative(process.cwd(), folder) || "."}`);
  const made = `${dot} ${bold(id)} is in ${folder}: ${files.join(", ")}`;
  return answer(terminal, { id, kind, folder, files, next }, made, ...next.map((line) => `  ${dim("$")} ${line}`));
};

export const build: Run = async ({ args: [folder = "."], flags, terminal }) => {
  const check = flags["check"] === true;
  const out = join(resolve(folder), "dist");
  const options = check ? { check } : { bundle: join(out, "plugin.js"), archive: out };
  const { manifest, isChanged: changed, archive } = await buildPlugin(resolve(folder), clock, options);
  const packed = archive ? `, packed to ${dim(archive.path)} (${archive.files} files, ${archive.bytes} bytes)` : "";
  const said = `the manifest ${changed ? "is brought up to date" : "was up to date"}${packed}`;
  const { id, version } = manifest;
  return answer(terminal, { id, version, changed, ...(archive && { archive }) }, `${dot} ${bold(id)} ${version}: ${said}`);
};

const dots = { passed: dot, failed: red("✗"), skipped: yellow("○") };

export const check: Run = async ({ args: [folder = "."], terminal }) => {
  const steps: Step[] = [];
  for await (const step of checkPlugin(resolve(folder), { clock, pincer })) {
    steps.push(step);
    const lines = step.lines.map((line) => `    ${line}`);
    if (!terminal.json) terminal.print([...columns([[`${dots[step.verdict]} ${step.name}`, step.summary]], "", 14), ...lines].join("\n"));
  }
  const failed = steps.filter(({ verdict }) => verdict === "failed").map(({ name }) => name);
  terminal.result({ ok: failed.length === 0, steps }, failed.length > 0 ? red(`not in order: ${failed.join(", ")}`) : green("in order"));
  return failed.length > 0 ? EXIT.failed : EXIT.done;
};

export const link: Run = async ({ args: [folder = "."], home, terminal }) => {
  const id = linkPlugin(resolve(folder), home.path);
  return answer(terminal, { id }, `${dot} ${bold(id)} is used from ${resolve(folder)}; turn it on with: pincer plugins enable ${id}`);
};
