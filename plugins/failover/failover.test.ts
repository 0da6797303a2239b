import { describe, expect, test } from "bun:test";
import { error, says, startFailover } from "../../tests/failover/vendor.ts";

type Json = Readonly<Record<string, unknown>>;

const two = { a: "key-a", b: "key-b" };

describe("two profiles of one provider", () => {
  test("the first is not accepted, the second answers; the status says so, and the next turn does not ask the first again", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(401, "Incorrect API key provided"), says("Hello ", "there"), says("again"));
    const { text, answer } = await lab.say();
    expect({ text, stop: answer.stopReason, failure: answer.failure }).toEqual({ text: "Hello there", stop: "stop", failure: undefined });
    expect(lab.keys()).toEqual(["key-a", "key-b"]);
    const { providers } = await lab.call("models.authStatus");
    const status = (providers as readonly Json[]).find(({ provider }) => provider === "lab");
    expect(status).toMatchObject({
      status: "static",
      profileOrder: ["lab:a", "lab:b"],
      profiles: [
        {
          profileId: "lab:a",
          type: "api_key",
          status: "missing",
          state: "failed",
          reason: { class: "auth", message: "Incorrect API key provided" },
        },
        { profileId: "lab:b", type: "api_key", status: "static", state: "active", failureCount: 0 },
      ],
    });
    expect((await lab.say()).text).toBe("again");
    expect(lab.keys()).toEqual(["key-a", "key-b", "key-b"]);
  });
});
