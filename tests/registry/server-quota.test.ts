/** How much of one publisher, and in all, a server keeps. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import type { Signed } from "../../registry/trust/metadata.ts";
import { post } from "./parcel.ts";
import { type Place, withServer } from "./timed-server.ts";

/** So large, however well it packs. */
const file = (bytes: number) => ({ "data.txt": randomBytes(bytes).toString("base64") });

/** One who publishes a version after the other. */
function publisherAt({ server, parcel }: Place, name: string, signer: Signer = createSigner().signer) {
  let before: Signed<"targets"> | undefined;
  let count = 0;
  return async (bytes: number) => {
    count += 1;
    const release = { kind: "plugins", id: `of-${name}`, version: `1.0.${count}` } as const;
    const sent = await parcel(name, signer, release.id, {
      release,
      files: file(bytes),
      ...(before && { before }),
    });
    const answer = await post(server.url, sent);
    if (answer.status === 201) before = sent.list;
    return answer;
  };
}

test("a publisher has so many bytes a day, is told when there is room again, and has it then", async () => {
  await withServer({ bytes: { perDay: 100_000 } }, async (place) => {
    const ada = publisherAt(place, "ada");
    expect(await ada(40_000)).toMatchObject({ status: 201 });
    await place.clock.advance(3_600_000);
    expect(await ada(40_000)).toMatchObject({ status: 201 });
    await place.clock.advance(3_600_000);
    expect(await ada(40_000)).toMatchObject({ status: 429, code: "REGISTRY_RATE_LIMITED", retryAfter: String(22 * 3600) });
    // Nobody else is kept out by that.
    expect(await publisherAt(place, "bob")(40_000)).toMatchObject({ status: 201 });
    await place.clock.advance(22 * 3_600_000);
    expect(await ada(40_000)).toMatchObject({ status: 201 });
    // What never fits is not told to come back.
    expect(await publisherAt(place, "eve")(200_000)).toMatchObject({ status: 403, code: "REGISTRY_QUOTA_EXCEEDED", retryAfter: null });
  });
});

test("what a publisher has in all is bounded, and what everybody has too", async () => {
  await withServer({ bytes: { perPublisher: 60_000, inAll: 100_000 } }, async (place) => {
    const [ada, bob] = [publisherAt(place, "ada"), publisherAt(place, "bob")];
    expect(await ada(40_000)).toMatchObject({ status: 201 });
    expect(await ada(40_000)).toMatchObject({
      status: 403,
      code: "REGISTRY_QUOTA_EXCEEDED",
      detail: expect.stringContaining("expected at most 60000 bytes of ada's in all"),
    });
    expect(await bob(40_000)).toMatchObject({ status: 201 });
    expect(await publisherAt(place, "eve")(40_000)).toMatchObject({
      status: 403,
      detail: expect.stringContaining("expected at most 100000 bytes in this registry"),
    });
  });
});

test("whoever has a key for each release has no more room from one address", async () => {
  await withServer({ rates: { bytes: { burst: 100_000, perMinute: 1000 } } }, async (place) => {
    const answers = [];
    for (const name of ["one", "two", "three"]) answers.push(await publisherAt(place, name)(45_000));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 429]);
    // What is packed anew, with another key, may be some bytes larger than what was refused: three seconds give 50 more.
    await place.clock.advance((Number(answers[2]!.retryAfter) + 3) * 1000);
    expect(await publisherAt(place, "three")(45_000)).toMatchObject({ status: 201 });
  });
});
