import { expect, test } from "bun:test";
import { untilHeard } from "./patience.ts";

test("what is never heard is named after three rounds without news, and news brings three more", async () => {
  const left = ["m1 in matrix room", "m2 in matrix room"];
  let rounds = 0;
  const missing = await untilHeard(
    () => left,
    async () => {
      if (++rounds === 3) left.pop();
    },
  );
  expect(missing).toEqual(["m1 in matrix room"]);
  expect(rounds).toBe(6);
});

test("one more round is made when all seems to be heard, and none behind the last that is", async () => {
  const left = ["m1 in matrix room"];
  let rounds = 0;
  const round = async () => {
    rounds++;
    left.pop();
  };
  expect(await untilHeard(() => left, round)).toEqual([]);
  expect(rounds).toBe(1);
  expect(await untilHeard(() => left, round)).toEqual([]);
  expect(rounds).toBe(2);
});
