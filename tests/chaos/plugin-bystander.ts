/** The plugin that nobody kills: its stream is read, and it is called, from the beginning to the end. */
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import type { TurnClient } from "../bench/turn-client.ts";

interface Bystander {
  readonly ticks: number;
  readonly longestGapMs: number;
  /** Answers with what was wrong. */
  stop(): Promise<readonly string[]>;
}

/** Between two of its calls. */
const pauseMs = 3;

/** Resolves with the first line of the stream. */
export async function followBystander(url: string, clients: readonly TurnClient[]): Promise<Bystander> {
  const complaints: string[] = [];
  const leave = new AbortController();
  const response = await fetch(`${url}/chaos-bystander`, { signal: leave.signal });
  const begun = Promise.withResolvers<void>();
  let [ticks, longestGapMs] = [0, 0];

  const read = async () => {
    let rest = "";
    let last = clock.monotonic();
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines)
        if (line !== String(ticks++)) complaints.push(`the bystander's line ${ticks - 1} is ${JSON.stringify(line)}`);
      const now = clock.monotonic();
      if (ticks > lines.length) longestGapMs = Math.max(longestGapMs, now - last);
      last = now;
      begun.resolve();
    }
    throw new Error("it has ended");
  };
  const reading = read().catch((error: unknown) => {
    begun.resolve();
    if (!leave.signal.aborted) complaints.push(`the bystander's stream broke after ${ticks} lines: ${error}`);
  });
  await begun.promise;

  const calling = clients.map(async (client, number) => {
    for (let n = number; !leave.signal.aborted; n++) {
      const answer = await client.call<{ n: number }>("chaos-bystander.echo", { n }).catch((error: unknown) => String(error));
      if (typeof answer === "string" || answer.n !== n)
        complaints.push(`the bystander was called with ${n}, and answered ${JSON.stringify(answer)}`);
      await clock.sleep(pauseMs);
    }
  });
  return {
    get ticks() {
      return ticks;
    },
    get longestGapMs() {
      return longestGapMs;
    },
    async stop() {
      leave.abort();
      await Promise.all([reading, ...calling]);
      return complaints;
    },
  };
}
