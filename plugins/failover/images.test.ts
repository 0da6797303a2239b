import { describe, expect, test } from "bun:test";
import { error, says, startFailover } from "../../tests/failover/vendor.ts";

type Json = Readonly<Record<string, unknown>>;

const two = { a: "key-a", b: "key-b" };

describe("an image that the vendor refuses", () => {
  const picture = async (width: number, height: number): Promise<string> => {
    const white = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5ErkJggg==";
    return new Bun.Image(Buffer.from(white, "base64")).resize(width, height, { fit: "fill" }).png().toBase64();
  };
  const asking = (data: string) => ({
    messages: [
      {
        role: "user" as const,
        content: [
          { type: "text" as const, text: "what is this?" },
          { type: "image" as const, data, mimeType: "image/png" },
        ],
        timestamp: 1,
      },
    ],
  });
  const sentImage = (body: Json | undefined) => {
    const url = /"url":"data:([^;]+);base64,([^"]+)"/.exec(JSON.stringify(body));
    return { type: url?.[1], data: Buffer.from(url?.[2] ?? "", "base64") };
  };

  test("is made smaller, once, and sent again", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(400, "image dimensions exceed max allowed size", { code: "image_too_large" }), says("a wall"));
    expect((await lab.say(asking(await picture(3_000, 1_500)))).text).toBe("a wall");
    const { type, data } = sentImage(lab.vendor.ledger[1]?.body);
    expect(type).toBe("image/jpeg");
    expect(await new Bun.Image(data).metadata()).toMatchObject({ width: 1_568, height: 784 });
    expect(lab.keys()).toEqual(["key-a", "key-a"]);
  });

  test("and no more of them than a request may have pixels", async () => {
    await using lab = await startFailover({ own: "key", failover: { imagePixels: 3_500_000 } });
    lab.vendor.answer(error(400, "image dimensions exceed max allowed size", { code: "image_too_large" }), says("walls"));
    const [first] = asking(await picture(2_000, 1_000)).messages;
    if (first === undefined) throw new Error("a message was expected");
    await lab.say({ messages: [first, first] });
    const sent = [...JSON.stringify(lab.vendor.ledger[1]?.body).matchAll(/"url":"data:([^;]+);/g)].map(([, type]) => type);
    expect(sent).toEqual(["image/jpeg", "image/png"]);
  });

  test("is told to the user when it was small already, or is refused all the same", async () => {
    await using lab = await startFailover({ profiles: two });
    const refused = error(400, "could not process image", { code: "invalid_image" });
    lab.vendor.answer(refused);
    expect((await lab.say(asking(await picture(100, 100)))).answer.failure).toMatchObject({
      class: "image",
      message: "could not process image",
    });
    lab.vendor.answer(refused, refused);
    expect((await lab.say(asking(await picture(3_000, 1_500)))).answer.failure).toMatchObject({ class: "image" });
    expect(lab.keys()).toHaveLength(3);
  });
});
