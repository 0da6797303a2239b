import { test } from "bun:test";
import { faults } from "../failover/faults.ts";
import { MOST_FALLBACKS, startMatrix } from "../failover/matrix.ts";
import { apis } from "../failover/vendor.ts";

const every = Array.from({ length: MOST_FALLBACKS }, (_, index) => index + 1);
let cases = 0;

for (const api of apis) {
  test(`every fault over ${api}, before and behind the first words, before every number of fallbacks from 1 to ${MOST_FALLBACKS}`, async () => {
    await using matrix = await startMatrix(api);
    for (const fault of faults) {
      for (const begun of [false, true]) {
        for (const fallbacks of every) {
          await matrix.check(fault, begun, fallbacks);
          cases += 1;
        }
      }
    }
  });
}

test("and where the servers go on behind an unfinished answer", async () => {
  await using matrix = await startMatrix("chat", { continues: true });
  for (const fault of faults) {
    for (const fallbacks of every) {
      await matrix.check(fault, true, fallbacks);
      cases += 1;
    }
  }
  console.log(JSON.stringify({ tries: cases, what: "faults of model vendors, gone around or ended as the rules say" }));
});
