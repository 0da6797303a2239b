/** What a provider promises of a vendor that means harm, or has been taken over: part of its suite. */
import { expect } from "bun:test";
import type { ModelAnswer } from "../contracts/provider.ts";
import { serveHttp } from "./http-server.ts";
import type { Declare } from "./needs.ts";
import type { VendorAnswer, VendorCall } from "./vendor-script.ts";

interface Asked {
  readonly answer: ModelAnswer;
  /** What the vendor saw of it last. */
  readonly call: VendorCall | undefined;
}

export interface HostileOptions {
  readonly test: Declare;
  /** The stream's text is server-sent events or lines, and not of a form of the vendor's own. */
  readonly isText: boolean;
  ask(answer: VendorAnswer): Promise<Asked>;
}

/** Headers whose values are known to everybody. */
const OPEN =
  /^(accept|connection|content|date|editor-|host|user-agent|x-request-id|amz-sdk|anthropic|x-amz-(content|date|target|user-agent))/i;

/** The words of every header that may be one in confidence. */
const wordsIn = (call: VendorCall): readonly string[] =>
  [...call.headers].flatMap(([name, value]) => (OPEN.test(name) ? [] : value.split(/\s+/).filter(({ length }) => length >= 8)));

export function hostileVendorTests({ test, isText, ask }: HostileOptions): void {
  const asked = async (answer: VendorAnswer) => (await ask(answer)).answer;

  test("what a request was made with is shown nowhere, however the vendor says it back", async () => {
    const { call } = await ask({ steps: [{ text: ["ok"] }] });
    const words = wordsIn(call as VendorCall);
    expect(words.length).toBeGreaterThan(0);
    for (const word of words) {
      const forms = [word, encodeURIComponent(word), Buffer.from(word).toString("base64"), Buffer.from(`key=${word};`).toString("base64")];
      const message = `nobody knows ${forms.join(" or ")}`;
      const said = [
        await asked({ error: { status: 401, message } }),
        await asked({ error: { status: 400, message, headers: { "x-echo": word } } }),
        ...(isText ? [await asked({ raw: [`data: ${word}\n\n`] })] : []),
      ];
      for (const answer of said) {
        expect(answer.stopReason).toBe("error");
        const told = JSON.stringify(answer);
        for (const form of forms) expect(told).not.toContain(form);
      }
    }
  });

  test("where a vendor points to nothing is sent: no key, and no conversation", async () => {
    const came: string[] = [];
    await using elsewhere = serveHttp((exchange) => {
      came.push(`${exchange.method} ${exchange.path}`);
      exchange.send(200, "{}");
    });
    for (const status of [302, 307, 308]) {
      const answer = await asked({ error: { status, message: "moved", headers: { location: `${elsewhere.origin}/v1` } } });
      expect(answer).toMatchObject({ stopReason: "error", failure: { class: "network" } });
      expect(answer.failure?.message).toContain(`redirects to ${elsewhere.origin}`);
    }
    expect(came).toEqual([]);
  });

  test("nobody is made to wait longer than a day, or to read a whole page of error", async () => {
    const message = `${"too much ".repeat(20_000)}`;
    const answer = await asked({ error: { status: 429, message, headers: { "retry-after": "99999999999" } } });
    expect(answer.failure?.message.length).toBeLessThan(600);
    expect(answer.failure?.retryAfterMs ?? 0).toBeLessThanOrEqual(86_400_000);
  });

  if (isText) {
    test("a line without end is given up before it fills the memory", async () => {
      const answer = await asked({ raw: [`data: ${"x".repeat(17_000_000)}`], end: "hang" });
      expect(answer).toMatchObject({ stopReason: "error", failure: { class: "network" } });
      expect(answer.failure?.message).toContain("a line of more than");
    });
  }
}
