/** A server that is killed while it publishes has published, or has not. */
import { expect, test } from "bun:test";
import { watch } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createSigner } from "../../registry/trust/key.ts";
import type { Signed } from "../../registry/trust/metadata.ts";
import { parcel, post } from "./parcel.ts";
import { startServedRegistry } from "./served-registry.ts";

test("killed at whichever file it writes, the registry is as before or as after, and the next publication works", async () => {
  await using registry = await startServedRegistry();
  const { signer } = createSigner();
  const release = (version: string) => ({ kind: "plugins" as const, id: "durable", version });
  let before: Signed<"targets"> | undefined;
  const outcomes = new Set<string>();
  for (let round = 0; round < 7; round++) {
    const version = `1.0.${round}`;
    const sent = await parcel({
      url: registry.url,
      publisher: "ada",
      signer,
      release: release(version),
      now: systemClock.now(),
      ...(before && { before }),
    });
    let events = 0;
    const watcher = watch(join(registry.folder, "metadata"), () => {
      events += 1;
      if (events === 1 + round * 2) void registry.stop("SIGKILL");
    });
    const answer = await post(registry.url, sent).catch(() => "cut off" as const);
    watcher.close();
    await registry.stop("SIGKILL");
    await registry.start();
    const found = await registry
      .client()
      .find(release(version))
      .then(
        ({ releases }) => releases,
        () => [],
      );
    const isPublished = found.some((one) => one.version === version);
    // What was answered is there, whatever came after.
    if (answer !== "cut off" && answer.status === 201) expect(isPublished).toBe(true);
    outcomes.add(answer === "cut off" ? `cut off, ${isPublished ? "published" : "not published"}` : String(answer.status));
    for (const one of found) expect((await registry.client().unpack(one)).length).toBe(2);
    const search = (await (await registry.get("/api/v1/search?q=durable")).json()) as { packages: readonly { version: string }[] };
    expect(search.packages.map((one) => one.version)).toEqual(found.length === 0 ? [] : [found[0]!.version]);
    if (!isPublished) {
      const again = await parcel({
        url: registry.url,
        publisher: "ada",
        signer,
        release: release(version),
        now: systemClock.now(),
        ...(before && { before }),
      });
      expect(await post(registry.url, again)).toMatchObject({ status: 201 });
      before = again.list;
    } else before = sent.list;
  }
  expect([...outcomes].filter((outcome) => outcome.startsWith("cut off")).length).toBeGreaterThan(0);
}, 120_000);

test("a request that came before the server was killed is not taken after it", async () => {
  await using registry = await startServedRegistry();
  const { signer } = createSigner();
  const release = { kind: "plugins", id: "repeated", version: "1.0.0" } as const;
  const sent = await parcel({ url: registry.url, publisher: "ada", signer, release, now: systemClock.now() });
  expect(await post(registry.url, sent)).toMatchObject({ status: 201 });
  await registry.stop("SIGKILL");
  await registry.start();
  expect(await post(registry.url, sent)).toMatchObject({ status: 401, detail: expect.stringContaining("came before") });
});
