/** Answers kept for a principal, a method and a key: a repetition gets the first answer, and what it did is not done again. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Migration } from "../../store/store.ts";
import type { BusContext } from "./context.ts";

export const busMigrations: readonly Migration[] = [
  {
    room: "bus",
    version: 1,
    sql: `
      create table bus_kept (
        principal text not null, method text not null, key text not null,
        result text not null, at integer not null,
        primary key (principal, method, key)
      ) strict, without rowid;
      create index bus_kept_at on bus_kept (at);`,
  },
];

const sweptAtOnce = 500;

type Id = readonly [principal: string, method: string, key: string];
/** Runs `run` unless its answer is kept or on its way. A failure is not kept, so that it can be tried again. */
export type Kept = (id: Id, run: () => unknown) => Promise<unknown>;

export function createIdempotency({ store, retention, clock, settings, log }: BusContext): Kept {
  const running = new Map<string, Promise<unknown>>();

  const answer: Kept = async (id, run) => {
    const select = "select result from bus_kept where principal = ? and method = ? and key = ? and at > ?";
    const [row] = await store.read<{ result: string }>(select, ...id, clock.now() - settings().keptMs);
    if (row) return JSON.parse(row.result);
    const result = (await run()) ?? null;
    const insert = "insert or replace into bus_kept (principal, method, key, result, at) values (?, ?, ?, ?, ?)";
    try {
      await store.write([insert, ...id, JSON.stringify(result), clock.now()]);
    } catch (error) {
      // It has been done: an error now would make the caller do it again.
      log.error("bus.answer-not-kept", { method: id[1], error: errorMessage(error) });
    }
    return result;
  };

  retention.register({
    name: "bus.kept",
    everyMs: settings().sweepMs,
    sweep(now) {
      const { keptMs, keptRows } = settings();
      const take = (where: string) =>
        `delete from bus_kept where (principal, method, key) in
          (select principal, method, key from bus_kept where at <= ${where} limit ${sweptAtOnce}) returning key`;
      return [
        [take("?"), now - keptMs],
        [take("(select at from bus_kept order by at desc limit 1 offset ?)"), keptRows],
      ];
    },
  });

  return (id, run) => {
    const name = JSON.stringify(id);
    const already = running.get(name);
    if (already) return already;
    const mine = answer(id, run).finally(() => running.delete(name));
    running.set(name, mine);
    return mine;
  };
}
