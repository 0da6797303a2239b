import { describe, test } from "bun:test";
import { faults } from "./faults.ts";
import { MOST_FALLBACKS, startMatrix } from "./matrix.ts";
import { apis } from "./vendor.ts";

// Every number of fallbacks from 1 to 17 is in `tests/long`.
const some = [1, 2, MOST_FALLBACKS];

for (const api of apis) {
  describe(`faults over ${api}`, () => {
    test(`are gone around, through ${some.join(", ")} fallbacks, or end the answer as the rules say`, async () => {
      await using matrix = await startMatrix(api);
      for (const fault of faults)
        for (const begun of [false, true]) for (const fallbacks of some) await matrix.check(fault, begun, fallbacks);
    });

    test("are gone around by what nobody reads before its end, too", async () => {
      await using matrix = await startMatrix(api, { whole: true });
      for (const fault of faults) await matrix.check(fault, false, 2);
      // OpenAI's come in one piece, which has no first words; and of those that nobody reads no test knows when silence has begun.
      const within = api === "messages" ? faults.filter((fault) => fault.within !== "hang") : [];
      for (const fault of within) await matrix.check(fault, true, 2);
    });
  });
}

test("servers that go on behind an unfinished answer do, through every fault", async () => {
  await using matrix = await startMatrix("chat", { continues: true });
  for (const fault of faults) for (const fallbacks of [1, 3]) await matrix.check(fault, true, fallbacks);
});
