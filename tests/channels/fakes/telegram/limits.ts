/**
 * How fast a bot may send (core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this): about one message a second to a chat, twenty
 * a minute to a group, thirty a second in all.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { tooMany } from "./refusal.ts";

interface Window {
  readonly most: number;
  readonly ms: number;
}

const overall: Window = { most: 30, ms: 1000 };
const ofChat: Window = { most: 1, ms: 1000 };
const ofGroup: Window = { most: 20, ms: 60_000 };

export function createLimits(clock: Clock) {
  const sent = new Map<string, number[]>();

  /** Milliseconds until there is room. */
  function wait(name: string, { most, ms }: Window): number {
    const since = (sent.get(name) ?? []).filter((at) => at > clock.now() - ms);
    sent.set(name, since);
    return since.length < most ? 0 : since[since.length - most]! + ms - clock.now();
  }

  /** Throws 429 with the seconds to wait. */
  return function take(chat: number): void {
    const windows: (readonly [string, Window])[] = [
      ["all", overall],
      [`chat:${chat}`, ofChat],
      ...(chat < 0 ? ([[`group:${chat}`, ofGroup]] as const) : []),
    ];
    const ms = Math.max(...windows.map(([name, window]) => wait(name, window)));
    if (ms > 0) throw tooMany(Math.ceil(ms / 1000));
    for (const [name] of windows) sent.get(name)?.push(clock.now());
  };
}
