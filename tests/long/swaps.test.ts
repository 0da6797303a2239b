import { testSwap } from "../chaos/swaps.ts";

testSwap(1, { plugin: "delivery", drainMs: 60_000, channel: "scripted" });
testSwap(2, { plugin: "models", drainMs: 60_000, channel: "scripted" });
testSwap(5, { plugin: "delivery", drainMs: 1, channel: "rich" });
