/** How old text is when it reaches the last of many who watch: the newest piece of a delta, and the oldest that waited with it. */
import { type Figure, median, quantile } from "./figures.ts";
import { type Pace, paceText, sentTimes } from "./pace.ts";
import type { Against, Part } from "./part.ts";
import { helloFor, openSockets } from "./raw-load.ts";
import { startServer } from "./server-process.ts";
import { connectTurns } from "./turn-client.ts";

/** Four seconds of text, as fast models write it. */
const pace: Pace = { firstMs: 50, stepMs: 10, pieces: 400 };

interface Lag {
  readonly newest: number;
  readonly newestP99: number;
  readonly oldest: number;
  readonly oldestP99: number;
}

/** One client more than the subscribers asks, and is the last to be told. */
async function lagOf({ url, token }: Pick<Against, "url" | "token">, subscribers: number): Promise<Lag> {
  const sockets = await openSockets(Number(new URL(url).port), subscribers, token === "" ? undefined : helloFor(token));
  const client = await connectTurns({ url, token });
  const newest: number[] = [];
  const oldest: number[] = [];
  client.onEvent = (text) => {
    const now = performance.timeOrigin + performance.now();
    if (!text.includes('"event":"chat"')) return;
    const { payload } = JSON.parse(text) as { payload: { state: string; deltaText?: string } };
    const sent = payload.state === "delta" ? sentTimes(payload.deltaText ?? "") : [];
    if (sent.length === 0) return;
    newest.push(now - sent.at(-1)!);
    oldest.push(now - sent[0]!);
  };
  await client.turn("agent:main:fan-out", `hello ${paceText(pace)}`);
  client.close();
  for (const socket of sockets) socket.close();
  return { newest: median(newest), newestP99: quantile(newest, 0.99), oldest: median(oldest), oldestP99: quantile(oldest, 0.99) };
}

export async function compareFanOut(part: string, against: Pick<Against, "url" | "token">, bareEnv: Readonly<Record<string, string>>) {
  const figures: Figure[] = [];
  for (const subscribers of [100, 1_000]) {
    await using bare = await startServer("bare", bareEnv);
    const beside = await lagOf({ url: `ws://127.0.0.1:${bare.port}`, token: "" }, subscribers);
    const lag = await lagOf(against, subscribers);
    const figure = (what: string, of: (lag: Lag) => number) =>
      figures.push({ part, what: `${subscribers} subscribers: ${what}`, unit: "ms", value: of(lag), bare: of(beside) });
    figure("lag of the newest token", ({ newest }) => newest);
    figure("lag of the newest token, p99", ({ newestP99 }) => newestP99);
    figure("lag of the oldest token", ({ oldest }) => oldest);
    figure("lag of the oldest token, p99", ({ oldestP99 }) => oldestP99);
  }
  return figures;
}

export const fanOut: Part = async ({ installation: installed }) => {
  const installation = await installed();
  const home = installation.home({ plugins: ["bench-provider"], config: { models: { default: "bench/one" } } });
  await using gateway = await installation.start(home);
  return await compareFanOut("fan-out of streamed text", gateway, {});
};
