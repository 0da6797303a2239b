/** Plugins that a turn goes through, replaced at every step of turns. Those that take longer are replaced in `tests/long`. */
import { testSwap } from "./swaps.ts";

testSwap(0, { plugin: "agent", drainMs: 60_000, channel: "scripted" });
testSwap(3, { plugin: "scripted-channel", drainMs: 60_000, channel: "rich" });
testSwap(4, { plugin: "agent", drainMs: 1, channel: "scripted" });
