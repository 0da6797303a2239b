import { expect, test } from "bun:test";
import { startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { createCliHome } from "../../tests/support/cli.ts";
import { type OllamaVendorOptions, startOllamaVendor } from "../../tests/vendors/ollama/server.ts";

async function start(options: OllamaVendorOptions = {}) {
  const vendor = startOllamaVendor(options);
  const gateway = await startModelsGateway({
    models: { aliases: { mine: "ollama/qwen3" } },
    plugins: { "provider-ollama": {} },
    env: { OLLAMA_HOST: vendor.origin },
  });
  const ended = async (model: string) => {
    for (let version = 0; ; ) {
      const state = await gateway.call("models.pull.wait", { model, version });
      if (state["state"] !== "running") return state;
      version = state["version"] as number;
    }
  };
  return {
    ...{ vendor, gateway, ended },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await vendor[Symbol.asyncDispose]();
    },
  };
}

test("a model is fetched once for all who ask for it, told of as it comes, and can be used at once", async () => {
  const gate = Promise.withResolvers<void>();
  await using lab = await start({ holdPull: gate.promise });
  const { gateway, vendor } = lab;
  const begun = await gateway.call("models.pull", { model: "mine" });
  expect(begun).toMatchObject({ model: "ollama/qwen3", state: "running", completedBytes: 0, totalBytes: null });
  expect(await gateway.client.event("models.pull.changed", ({ completedBytes }) => completedBytes === 0)).toMatchObject({
    model: "ollama/qwen3",
  });
  await vendor.askedFor("POST /api/pull", 1);
  // By its bare name too, where one server alone fetches models.
  expect(await gateway.call("models.pull", { model: "qwen3" })).toMatchObject({ model: "ollama/qwen3", state: "running" });
  gate.resolve();
  expect(await lab.ended("qwen3")).toMatchObject({ model: "ollama/qwen3", state: "done", completedBytes: 1200, totalBytes: 1200 });
  expect(vendor.asked.filter((one) => one === "POST /api/pull")).toHaveLength(1);
  const told = gateway.client.eventsOf("models.pull.changed").map(({ version }) => version as number);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  vendor.answer({ steps: [{ text: ["here"] }] });
  expect((await gateway.ask({ model: "ollama/qwen3" })).answer.message.content).toEqual([{ type: "text", text: "here" }]);
  // Fetched again, it is another pull, whose numbers go on.
  const again = await gateway.call("models.pull", { model: "mine" });
  expect(again["version"]).toBeGreaterThan(told.at(-1) as number);
  expect(await lab.ended("mine")).toMatchObject({ state: "done" });
});

test("it is ended on request, at the server too, and when the plugin goes", async () => {
  await using lab = await start({ holdPull: new Promise(() => undefined) });
  const { gateway, vendor } = lab;
  await gateway.call("models.pull", { model: "ollama/qwen3" });
  await vendor.askedFor("POST /api/pull", 1);
  expect(await gateway.call("models.pull.cancel", { model: "ollama/qwen3" })).toEqual({ cancelled: true });
  expect(await lab.ended("ollama/qwen3")).toMatchObject({ state: "cancelled" });
  expect(await gateway.call("models.pull.cancel", { model: "ollama/qwen3" })).toEqual({ cancelled: false });
  await gateway.call("models.pull", { model: "ollama/qwen3" });
  await vendor.askedFor("POST /api/pull", 2);
  await gateway.host.reload("models");
  await vendor.gone(2);
});

test("what cannot be fetched is told as such, with what could", async () => {
  await using lab = await start();
  const refused = (model: string) => expect(lab.gateway.call("models.pull", { model })).rejects;
  await refused("demo/offline").toThrow('"demo/offline" cannot be fetched; name it as one of these: ollama/<model>');
  await refused("ollama/").toThrow("cannot be fetched");
  await expect(lab.gateway.call("models.pull.wait", { model: "ollama/qwen3" })).rejects.toThrow("is not being fetched");
  await lab.gateway.call("models.pull", { model: "ollama/unknown" });
  expect(await lab.ended("ollama/unknown")).toMatchObject({
    state: "failed",
    failure: { message: "pull model manifest: file does not exist" },
  });
  await using none = await startModelsGateway();
  await expect(none.call("models.pull", { model: "ollama/qwen3" })).rejects.toThrow("pincer plugins enable provider-ollama");
});

test("pincer models pull, list and catalogue: from an Ollama without a model to an answer", async () => {
  const gate = Promise.withResolvers<void>();
  await using vendor = startOllamaVendor({ holdPull: gate.promise });
  vendor.otherwise(() => ({ steps: [{ text: ["Hello."] }] }));
  await using home = createCliHome({ OLLAMA_HOST: vendor.origin });
  await home.pincer(["up"]);
  const models = (...words: readonly string[]) => home.pincer(["models", ...words]);

  // Why a server that is there is not used.
  const why = `Ollama is not ready: ${vendor.origin} has no model; fetch one: pincer models pull ollama/<model>\n`;
  for (const asked of ["all", "ollama"]) expect((await models("list", asked)).out).toEndWith(why);
  expect((await models("list")).out).not.toContain("not ready");

  /** Does so in the middle of a pull, and tells how that ended. */
  const pulling = async (halfway: (command: Bun.Subprocess) => void) => {
    const command = Bun.spawn([...home.command, "models", "pull", "ollama/qwen3"], { env: home.env, stdout: "pipe", stderr: "pipe" });
    let progress = "";
    for await (const piece of command.stderr) {
      const before = progress;
      progress += new TextDecoder().decode(piece);
      if (!before.includes("40 %") && progress.includes("40 %")) halfway(command);
    }
    expect(progress).toMatch(/^\[#{12}-{18}\] 40 % {2}1 kB of 1 kB {2}pulling aaaa$/m);
    return [await new Response(command.stdout).text(), await command.exited];
  };
  expect(await pulling((command) => command.kill("SIGINT"))).toEqual(["ollama/qwen3: stopped; the next pull goes on from here\n", 130]);
  await vendor.gone(1);
  expect(await pulling(() => gate.resolve())).toEqual(["ollama/qwen3 is there (2 kB)\n", 0]);
  expect(await home.json(["models", "pull", "qwen3"])).toMatchObject({ model: "ollama/qwen3", state: "done", totalBytes: 1200 });
  expect(await models("pull", "ollama/unknown")).toMatchObject({ code: 1, out: expect.stringContaining("file does not exist") });
  expect((await models("pull")).code).toBe(2);

  expect((await models("list", "ollama")).out).toBe("model         window  can\nollama/qwen3  8k      tools\n");
  expect((await models("list")).out).toContain("ollama/qwen3");
  expect((await home.pincer(["chat", "hello"])).out).toContain("Hello.");

  expect((await models("catalogue")).out).toMatch(/^openai\/gpt-\S+ +1\.05M +\$2 in, \$10 out +\d{4}-\d\d-\d\d +https:/m);
  expect(await models("catalogue", "update")).toMatchObject({ code: 1, err: expect.stringContaining("models.catalogue.url") });
  expect((await models("catalogue", "forget")).code).toBe(2);
  expect((await models("--help")).out).toMatch(/models auth[\s\S]*models catalogue[\s\S]*models list[\s\S]*models pull/);
}, 120_000);
