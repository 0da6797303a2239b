import { expect, test } from "bun:test";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { createFindings } from "./findings.ts";

const nothing = { env: {}, config: { isSet: () => false }, secrets: async () => [] };

test("a server of this machine is found while it listens, and nobody where nothing does", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const there = { listens: [`127.0.0.1:${server.port}`] };
  // Nothing listens there.
  const gone = { listens: ["127.0.0.1:9"] };
  const manifests = [{ enableWhen: there }, { enableWhen: gone }, {}, undefined] as readonly (Manifest | undefined)[];
  const findings = createFindings(nothing);
  expect(findings.found(there)).toBe(false);
  await findings.look(manifests);
  expect([findings.found(there), findings.found(gone)]).toEqual([true, false]);
});

test("a variable counts when it is not empty, a secret when it is kept, a setting when the file says it", async () => {
  const findings = createFindings({
    env: { SET: "x", EMPTY: "" },
    config: { isSet: (path) => path === "lab.url" },
    secrets: async () => ["KEPT"],
  });
  await findings.readSecrets();
  const each = [
    { env: ["SET"] },
    { env: ["EMPTY"] },
    { secrets: ["KEPT"] },
    { secrets: ["SET"] },
    { config: ["lab.url"] },
    { config: ["lab"] },
  ];
  expect(each.map((when) => findings.found(when))).toEqual([true, false, true, false, true, false]);
});
