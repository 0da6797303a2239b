/**
 * A gateway as a process of its own, which ends itself with SIGKILL at the n-th passing of a named point: `victim.ts <orders as JSON>`. It says
 * on stdout, a JSON line each, when it is ready, when the first interrupted job goes on, and, asked by a line `idle` on stdin, when no work is
 * left. SIGTERM stops it as `pincer stop` does.
 */
import { writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { scriptedPlugins } from "@pincer/plugin-sdk/testing/script";
import { createGateway } from "../../kernel/gateway.ts";
import { fill, isFull } from "./ballast.ts";

export interface Orders {
  readonly home: string;
  /** `lanes:<point>` or `store:<point>`. Absent: nobody dies by his own hand. */
  readonly point?: string;
  /** At which passing, counted from 1. */
  readonly nth?: number;
  readonly commitDelayMs?: number;
  /** Points at which it fills its disk, one after the other: at the first passing of each once there is space again. */
  readonly fillsAt?: readonly string[];
  /** A further folder of plugins, and which of them are wanted. */
  readonly folder?: string;
  readonly more?: readonly string[];
}

export type Word =
  | { readonly say: "ready"; readonly url: string; readonly at: number }
  | { readonly say: "resumed"; readonly at: number }
  | { readonly say: "idle" }
  | { readonly say: "full" }
  | { readonly say: "refused"; readonly code: string; readonly message: string };

export const victimPath = import.meta.path;
export const victimPlugins = [
  "agent",
  "models",
  "delivery",
  "routing",
  "scripted-provider",
  "scripted-tools",
  "scripted-channel",
  "devices",
  "sessions",
];

if (import.meta.main) {
  const { home, point, nth = 1, commitDelayMs = 0, fillsAt = [], folder, more = [] } = JSON.parse(process.argv[2] ?? "{}") as Orders;
  const say = (word: Word) => void writeSync(1, `${JSON.stringify(word)}\n`);
  const repository = dirname(dirname(import.meta.dir));
  const toFill = [...fillsAt];
  let passed = 0;
  let hasResumed = false;
  let answer = () => {};

  try {
    const gateway = await createGateway({
      home,
      env: {},
      folders: [
        join(repository, "plugins"),
        join(repository, "tests", "fixtures", "plugins"),
        scriptedPlugins,
        ...(folder ? [folder] : []),
      ].map((path) => ({ path, layout: "source" })),
      defaults: [...new Set([...victimPlugins, ...more])],
      commitDelayMs,
      probe: (reached) => {
        if (reached === point && ++passed === nth) process.kill(process.pid, "SIGKILL");
        if (reached === toFill[0] && !isFull(home)) {
          fill(home);
          toFill.shift();
          say({ say: "full" });
        }
        if (reached === "lanes:after-finish") setImmediate(() => answer());
        if (hasResumed || reached !== "lanes:after-claim") return;
        hasResumed = true;
        say({ say: "resumed", at: Date.now() });
      },
    });
    process.once("SIGTERM", () => void gateway.stop("SIGTERM").then(() => process.exit(0)));
    const { url } = await gateway.start();
    say({ say: "ready", url: url.replace(/^http/, "ws"), at: Date.now() });

    let isAsked = false;
    answer = () => {
      if (!isAsked || gateway.lanes.held().jobs > 0) return;
      isAsked = false;
      say({ say: "idle" });
    };
    for await (const line of console) {
      isAsked ||= line === "idle";
      answer();
    }
    // Whoever started it is gone.
    process.kill(process.pid, "SIGKILL");
  } catch (error) {
    const { code = "UNKNOWN", message } = error as Error & { code?: string };
    say({ say: "refused", code, message });
    process.exit(1);
  }
}
