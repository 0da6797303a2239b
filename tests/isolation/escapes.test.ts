/** What a hostile plugin tries, and what comes of it: under confinement, and without, to show that each attempt is one. */
import { afterAll, describe, expect } from "bun:test";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import type { Attempt } from "./attempt.ts";
import { clients } from "./attempts/clients.ts";
import { files } from "./attempts/files.ts";
import { kernel } from "./attempts/kernel.ts";
import { withNetwork, withoutNetwork } from "./attempts/network.ts";
import { processes } from "./attempts/processes.ts";
import { SECRET } from "./host.ts";
import type { Network } from "./internet.ts";
import type { LauncherOrders, LauncherReport } from "./launcher.ts";
import { startLaunching, type User, users } from "./launching.ts";

const launching = startLaunching(SECRET, "launcher", "child");
afterAll(async () => (await launching)[Symbol.dispose]());

async function run(user: User, attempts: readonly Attempt[], network: Network): Promise<LauncherReport> {
  const { command, bundles } = await launching;
  const orders: LauncherOrders = {
    child: bundles["child"]!,
    attempts: attempts.map(({ name, run, given = [] }) => ({ name, run: run.toString(), given })),
    outside: attempts.flatMap(({ name, outside }) => (outside instanceof RegExp ? [name] : [])),
    network,
    exec: network === "much" ? ["/bin/bash"] : [],
  };
  const { command: line, env } = command(user, "launcher", orders);
  const launcher = Bun.spawn(line, { env, stdio: ["ignore", "pipe", "pipe"] });
  const [said, complaint] = await Promise.all([new Response(launcher.stdout).text(), new Response(launcher.stderr).text()]);
  if (!said.startsWith("{")) throw new Error(`the launcher said nothing: ${complaint}`);
  return JSON.parse(said) as LauncherReport;
}

const cameOf = (of: LauncherReport["inside"], name: string) => of.find((each) => each.name === name)?.came ?? "it was not tried";
const once = <T>(make: () => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

const local: readonly Attempt[] = [...files, ...processes, ...kernel, ...withoutNetwork];
for (const user of users) {
  for (const [title, verb, attempts, network] of [
    ["a plugin without a network", "may try to", local, "none"],
    ["a plugin with a little of one", "may try to", withNetwork, "little"],
    ["a plugin with much of one", "reaches what is declared by", clients, "much"],
  ] as const) {
    describe(`${title}, of a gateway that ${user} runs`, () => {
      const report = once(() => run(user, attempts, network));
      for (const { name, inside, outside } of attempts) {
        testWith("bubblewrap", "bash")(`${verb} ${name}`, async () => {
          const came = await report();
          // Without confinement it comes about: it is an attempt.
          if (outside instanceof RegExp) expect(cameOf(came.outside, name)).toMatch(outside);
          expect(cameOf(came.inside, name)).toMatch(inside);
        });
      }
      testWith("bubblewrap", "bash")("says nothing of the secret, and lives to the end", async () => {
        const { inside, noise } = await report();
        expect(inside.map(({ name }) => name)).toEqual(attempts.map(({ name }) => name));
        expect(JSON.stringify(inside)).not.toContain(SECRET);
        expect(noise).toBe("");
      });
      if (network === "little") {
        testWith("bubblewrap", "bash")("leads nobody but to public addresses of declared names", async () => {
          const { resolved, dialled } = await report();
          expect([...new Set(resolved)].sort()).toEqual(["api.example.com", "both.wild.example", "door.example.com", "moving.example.com"]);
          expect([...new Set(dialled)].sort()).toEqual(["93.184.216.34:443", "93.184.216.37:80"]);
        });
      }
    });
  }
}
