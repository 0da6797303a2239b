import { expect, test } from "bun:test";
import { agreesWithBun, editsExactly, survivesDamage } from "../support/json5.ts";
import { fitsAsTypeBox } from "../support/schemas.ts";

const hour = 3_600_000;

test(
  "a million configurations: written, damaged, edited and fitted to random schemas",
  () => {
    for (let seed = 1; seed <= 250_000; seed += 1) {
      agreesWithBun(seed);
      survivesDamage(seed);
      editsExactly(seed);
    }
    expect(fitsAsTypeBox(7, 250_000)).toBeGreaterThan(25_000);
  },
  hour,
);
