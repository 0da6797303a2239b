import { expect, test } from "bun:test";
import { hkdfSync, randomBytes } from "node:crypto";
import { subkey } from "./keys.ts";

test("subkeys are those of HKDF, so that a home's key keeps its meaning", () => {
  for (let n = 0; n < 50; n++) {
    const root = randomBytes(32);
    expect(subkey(root, `pincer ${n}`)).toEqual(Buffer.from(hkdfSync("sha256", root, "", `pincer ${n}`, 32)));
  }
});
