/** Whether bubblewrap can confine on this machine: found out by confining something. */
import { existsSync, readFileSync } from "node:fs";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { confineByBubblewrap, type Tools } from "./bubblewrap.ts";
import type { Confine, FoundConfinement } from "./confinement.ts";
import { createLibraries } from "./libraries.ts";
import { runConfined } from "./run.ts";

const PACKAGES: Record<keyof Tools, string> = {
  bwrap: "bubblewrap",
  unshare: "util-linux",
  mount: "util-linux",
  ip: "iproute2",
  sh: "dash",
};

/** Undefined when it worked, otherwise what was said. With a network, so that everything that a plugin may need is tried. */
async function tryOut(confine: Confine): Promise<string | undefined> {
  const limits = { memoryMb: 128, openFiles: 128, processes: 1 };
  const what = { plugin: "trial", read: [], net: ["pincer.invalid:443"], limits, clock: systemClock, ms: 10_000 };
  try {
    const { said, complaint, code } = await runConfined(confine, 'process.stdout.write("confined")', what);
    return said === "confined" && code === 0 ? undefined : complaint || `it ended with code ${code} and said nothing`;
  } catch (error) {
    return errorMessage(error);
  }
}

const setting = (name: string): string | undefined =>
  existsSync(`/proc/sys/${name}`) ? readFileSync(`/proc/sys/${name}`, "utf8").trim() : undefined;

/** What most often forbids user namespaces, and how it is told not to. */
function mendOf(): string {
  if (setting("user/max_user_namespaces") === "0") return "set user.max_user_namespaces to 15000 with sysctl";
  if (setting("kernel/unprivileged_userns_clone") === "0") return "set kernel.unprivileged_userns_clone to 1 with sysctl";
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1" && process.getuid?.() !== 0) {
    return "set kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl: AppArmor forbids what bubblewrap needs";
  }
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) {
    return "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or run the gateway outside of one";
  }
  return "see what it said: user namespaces must be allowed, and /proc mountable in them";
}

const installed = (name: string) => Bun.which(name, { PATH: `${process.env["PATH"] ?? ""}:/usr/bin:/bin:/usr/sbin:/sbin` });

export async function findBubblewrap(which: (name: string) => string | null = installed): Promise<FoundConfinement> {
  const machine = process.arch;
  if (machine !== "x64" && machine !== "arm64") {
    return { missing: `there is no filter of system calls for ${machine}`, mend: "run the gateway on x86_64 or aarch64" };
  }
  const tools: Partial<Record<keyof Tools, string>> = {};
  for (const name of Object.keys(PACKAGES) as (keyof Tools)[]) {
    const found = which(name);
    if (!found) return { missing: `${name} is not installed`, mend: `install ${PACKAGES[name]} (apt-get install ${PACKAGES[name]})` };
    tools[name] = found;
  }
  const libraries = createLibraries();
  let said: string | undefined;
  for (const disablesNamespaces of [true, false]) {
    const confine = confineByBubblewrap({ tools: tools as Tools, machine, libraries, disablesNamespaces });
    said = await tryOut(confine);
    if (said === undefined) return { confine, kind: "bubblewrap" };
  }
  return { missing: `bubblewrap cannot confine here: ${said}`, mend: mendOf() };
}
