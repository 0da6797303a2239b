import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type ClawHubServer, serveClawHub } from "../../tests/support/clawhub-site.ts";

let first: ClawHubServer;
let second: ClawHubServer;
let gateway: TestGateway;

const files = { "SKILL.md": "---\nname: dice\ndescription: Rolls dice\n---\nRoll.\n" };
beforeAll(async () => {
  first = serveClawHub();
  second = serveClawHub();
  first.publish({ slug: "dice", version: "1.0.0", files, summary: "Rolls\ndice" });
  second.publish({ slug: "cards", version: "2.0.0", files, owner: "eve" });
  const clawhub = [
    { name: "clawhub", address: first.url },
    { name: "other", address: second.url },
  ];
  gateway = await startTestGateway({ config: { plugins: { "registry-client": { config: { clawhub } } } } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await Promise.all([first, second].map((site) => site[Symbol.asyncDispose]()));
});

test("skills of all sites are found, each under the name that a detail is asked by", async () => {
  await using client = await gateway.connect({ scopes: ["operator.read"] });
  expect(first.asked).toEqual([]);
  const { results } = await client.call<{ results: readonly object[] }>("skills.search", { query: "games" });
  expect(results).toEqual([
    {
      score: 1,
      slug: "dice",
      installRef: "@ada/dice",
      displayName: "DICE",
      summary: "Rolls dice",
      version: "1.0.0",
      updatedAt: 1_730_000_000_000,
    },
    {
      score: 1,
      slug: "cards",
      installRef: "other:@eve/cards",
      displayName: "CARDS",
      summary: "A skill",
      version: "2.0.0",
      updatedAt: 1_730_000_000_000,
    },
  ]);
  expect(await client.call<object>("skills.detail", { slug: "other:@eve/cards" })).toEqual({
    skill: { slug: "cards", displayName: "CARDS", summary: "A skill", tags: { latest: "2.0.0" }, createdAt: 1, updatedAt: 2 },
    latestVersion: { version: "2.0.0", createdAt: 2, changelog: "More weather" },
    metadata: { os: ["linux"], systems: null },
    owner: { handle: "eve", displayName: "Ada" },
  });
  expect(await client.call<object>("skills.detail", { slug: "@eve/dice" })).toEqual({ skill: null });
});

test("a site that refuses keeps nothing from who looks for a skill, while another answers", async () => {
  await using client = await gateway.connect({ scopes: ["operator.read"] });
  const refuse: Parameters<ClawHubServer["disturb"]>[0] = (exchange) => {
    exchange.send(403, "Closed today", { "content-type": "text/plain" });
    return true;
  };
  second.disturb(refuse);
  const { results } = await client.call<{ results: readonly { readonly slug: string }[] }>("skills.search", {});
  expect(results.map(({ slug }) => slug)).toEqual(["dice"]);
  expect(gateway.lines.find(({ event }) => event === "registry-client.unreachable")).toMatchObject({ place: "other" });
  first.disturb(refuse);
  // Another question: what was answered to this one is still known.
  await expect(client.call("skills.search", { limit: 7 })).rejects.toMatchObject({
    error: { message: expect.stringContaining("Closed today") },
  });
});
