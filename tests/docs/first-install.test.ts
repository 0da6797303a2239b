/** Types the page about a first installation again, from the package in an empty folder, and compares what comes with what stands there. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { unconfinable } from "@pincer/plugin-sdk/testing/modes";
import { testUnless } from "@pincer/plugin-sdk/testing/needs";
import { lasting } from "../support/typist.ts";
import { pageFile, typedAgain } from "./first-install.ts";

testUnless("bubblewrap", await unconfinable())(
  "the first installation goes as its page says, from the package to what is removed again",
  async () => {
    const page = readFileSync(pageFile, "utf8");
    expect(lasting(await typedAgain(page))).toBe(lasting(page));
  },
  240_000,
);
