/** Images by their addresses: fetched for whoever may ask a model, and leading nowhere that a caller could not reach by himself. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { says } from "@pincer/plugin-sdk/testing/script";
import OpenAI from "openai";
import { type Api, caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

type ApiError = InstanceType<typeof OpenAI.APIError>;
const model = "lab/gpt-test";
const jpeg = Buffer.from("ffd8ffe000104a464946", "hex");
const dataUrl = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString("base64")}`;

function startHost(answer: (path: string, request: Request) => Response | Promise<Response>) {
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return answer(pathname, request);
    },
  });
  return {
    asked,
    host: `127.0.0.1:${server.port}`,
    at: (path: string) => `http://127.0.0.1:${server.port}${path}`,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const asking = (...urls: readonly string[]) => [
  {
    role: "user" as const,
    content: [{ type: "text" as const, text: "What is it?" }, ...urls.map((url) => ({ type: "image_url" as const, image_url: { url } }))],
  },
];
const ask = ({ client }: Api, ...urls: readonly string[]) =>
  new OpenAI(client).chat.completions.create({ model, messages: asking(...urls) });
const ok = { steps: [{ text: ["A dot."] }] };

test("an image by its address reaches the model as one that was sent, by its content's type, each address asked once", async () => {
  using pictures = startHost((path) =>
    path === "/moved"
      ? Response.redirect("/jpeg", 307)
      : new Response(path === "/jpeg" ? jpeg : dot, { headers: { "content-type": "text/plain" } }),
  );
  await using api = await startApi({ config: { remoteImageHosts: [pictures.host] } });
  api.vendor.answer(ok);
  await ask(api, pictures.at("/png"), pictures.at("/moved"), pictures.at("/png"));
  const [, ...images] = ((await api.vendor.received(1)).body["messages"] as { content: { image_url?: { url: string } }[] }[])[0]!.content;
  expect(images.map(({ image_url }) => image_url?.url)).toEqual([
    dataUrl("image/png", dot),
    dataUrl("image/jpeg", jpeg),
    dataUrl("image/png", dot),
  ]);
  expect(pictures.asked.toSorted()).toEqual(["/jpeg", "/moved", "/png"]);

  const openai = new OpenAI(api.client);
  api.vendor.answer(ok);
  const input = [
    { role: "user" as const, content: [{ type: "input_image" as const, image_url: pictures.at("/png"), detail: "auto" as const }] },
  ];
  const { id } = await openai.responses.create({ model, input });
  expect(JSON.stringify((await api.vendor.received(2)).body)).toContain(dot.toString("base64"));
  // What it was given is what is shown of it.
  expect(JSON.stringify(await openai.responses.inputItems.list(id))).toContain(pictures.at("/png"));
  api.kit.model.answer(says("A dot."));
  await openai.chat.completions.create({ model: "pincer/main", messages: asking(pictures.at("/png")) });
  expect(JSON.stringify(api.kit.model.models[0]!.request.messages)).toContain(dot.toString("base64"));
});

test("no address leads into a private network, to this machine, or past what the operator names, and no redirect does", async () => {
  using hidden = startHost(() => new Response(dot));
  using pictures = startHost((path) => {
    if (path === "/loop") return Response.redirect("/loop");
    return Response.redirect(
      path === "/local" ? hidden.at("/secret") : path === "/meta" ? "https://169.254.169.254/latest" : "file:///etc/passwd",
    );
  });
  await using api = await startApi({ config: { remoteImageHosts: [pictures.host] } });
  const gateway = new URL(api.kit.url);
  for (const url of [
    hidden.at("/secret"),
    hidden.at("/secret").replace("http:", "https:"),
    `https://localhost:${new URL(hidden.at("/")).port}/`,
    `https://[::ffff:127.0.0.1]/`,
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://2130706433/",
    "https://[fd00::1]/",
    "https://nas.lan/picture.png",
    `https://127.0.0.1:${gateway.port}/health`,
    "http://example.com/picture.png",
    "https://user:secret@example.com/picture.png",
    "https://",
    pictures.at("/local"),
    pictures.at("/meta"),
    pictures.at("/file"),
    pictures.at("/loop"),
  ]) {
    const error = await caught<ApiError>(ask(api, url));
    expect([url, error.status, error.code, error.param]).toEqual([url, 400, "invalid_image_url", "messages[0].content[1].image_url.url"]);
  }
  expect(hidden.asked).toEqual([]);
  expect(pictures.asked.filter((path) => path === "/loop")).toHaveLength(6);
  expect(api.vendor.ledger).toEqual([]);
});

test("what is no image, is not there or is too much is refused, and what comes is left as soon as that is known", async () => {
  const left = Promise.withResolvers<void>();
  using pictures = startHost((path, request) => {
    if (path === "/none") return new Response("no", { status: 404 });
    if (path === "/html") return new Response("<html></html>", { headers: { "content-type": "image/png" } });
    if (path === "/png") return new Response(dot);
    request.signal.addEventListener("abort", () => left.resolve());
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      }),
    );
  });
  await using api = await startApi({ config: { remoteImageHosts: [pictures.host], remoteImageBytes: 50_000, mostRemoteImages: 3 } });
  const why = async (...paths: readonly string[]) => {
    const error = await caught<ApiError>(ask(api, ...paths.map((path) => pictures.at(path))));
    expect([error.status, error.code]).toEqual([400, "invalid_image_url"]);
    return error.message;
  };
  expect(await why("/none")).toContain("its server answered 404");
  expect(await why("/png", "/html")).toContain("it is none of PNG, JPEG, GIF and WebP");
  expect(await why("/endless")).toContain("more than 50000 bytes together");
  await left.promise;
  expect(await why("/1", "/2", "/3", "/4")).toContain("4 images are named by their addresses, and at most 3 are fetched");
  expect(api.vendor.ledger).toEqual([]);
});

test("a server that says nothing is left when the time is up, and with the caller", async () => {
  const clock = createManualClock();
  let asked = Promise.withResolvers<Request>();
  using pictures = startHost((_, request) => {
    asked.resolve(request);
    return new Promise(() => undefined);
  });
  await using api = await startApi({ clock, config: { remoteImageHosts: [pictures.host] } });
  const late = caught<ApiError>(ask(api, pictures.at("/slow")));
  await asked.promise;
  await clock.advance(10_000);
  expect((await late).message).toContain("it did not come in 10 s");
  asked = Promise.withResolvers();
  const leaving = new AbortController();
  const left = new OpenAI(api.client).chat.completions.create(
    { model, messages: asking(pictures.at("/slow")) },
    { signal: leaving.signal },
  );
  const { signal } = await asked.promise;
  const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  leaving.abort();
  await Promise.all([gone, caught(left)]);
});

test("it can be turned off, and what is no image is not fetched at all", async () => {
  using pictures = startHost(() => new Response(dot));
  await using api = await startApi({ config: { remoteImages: false, remoteImageHosts: [pictures.host] } });
  expect(await caught(ask(api, pictures.at("/png")))).toMatchObject({ status: 400, message: expect.stringContaining("not fetched") });
  const file = (part: object) => [{ role: "user", content: [part] }];
  for (const [path, body, param, says] of [
    [
      "/v1/chat/completions",
      { messages: file({ type: "file", file: { file_id: "file-1" } }) },
      "messages[0].content[0].file.file_id",
      "/v1/files",
    ],
    ["/v1/responses", { input: file({ type: "input_file", file_id: "file-1" }) }, "input[0].content[0].file_id", "/v1/files"],
    ["/v1/responses", { input: file({ type: "input_image", file_id: "file-1" }) }, "input[0].content[0].file_id", "/v1/files"],
    [
      "/v1/responses",
      { input: file({ type: "input_file", file_url: pictures.at("/a.pdf") }) },
      "input[0].content[0].file_url",
      "images alone",
    ],
    ["/v1/responses", { input: file({ type: "input_image" }) }, "input[0].content[0].image_url", "Missing"],
  ] as const) {
    const response = await api.post(path, { model, ...body });
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect([response.status, error.param]).toEqual([400, param]);
    expect(error.message).toContain(says);
  }
  expect(pictures.asked).toEqual([]);
});

import { dot } from "../../tests/support/pictures.ts";
