import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { commandOf, testWith } from "@pincer/plugin-sdk/testing/needs";
import type { Browser, Page } from "playwright-core";
import { buildPage } from "./build.ts";
import { isIn, launchBrowser, visit } from "./tests/visits.ts";

const browsing = testWith("chromium");

let gateway: TestGateway;
let browser: Browser | undefined;

beforeAll(async () => {
  gateway = await startTestGateway({ config: { plugins: { "provider-demo": { config: { deltaMs: 15 } } } } });
  browser = await launchBrowser(commandOf("chromium"));
  // A browser's first page takes long on a busy machine, and belongs to no test.
  if (browser) await (await open(gateway.http)).page.getByRole("heading", { name: "Log in to Pincer" }).waitFor();
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
});

const open = (address: string) => visit(browser!, address);

const logIn = async () => {
  const visited = await open(await gateway.gateway.loginLink());
  await isIn(visited.page);
  return visited;
};

const say = async (page: Page, text: string) => {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
};

test("the committed page is what its source builds to", async () => {
  expect(await Bun.file(`${import.meta.dir}/assets.generated.ts`).text()).toBe(await buildPage());
});

test("the page comes with a strict content security policy, and a wrong asset is not found", async () => {
  const page = await gateway.request("/");
  expect(page.status).toBe(200);
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
  expect((await gateway.request("/assets/../../package.json")).headers.get("content-type")).toContain("text/html");
  expect((await gateway.request("/assets/nothing.js")).status).toBe(404);
  expect((await gateway.request("/", { method: "POST" })).status).toBe(405);
  const etag = page.headers.get("etag") ?? "";
  expect((await gateway.request("/", { headers: { "if-none-match": etag } })).status).toBe(304);
});

browsing("a login link works once, leaves no code in the address, and the browser stays logged in", async () => {
  const link = await gateway.gateway.loginLink();
  const { page, complaints } = await open(link);
  await isIn(page);
  expect(page.url()).not.toContain("login");
  await page.reload();
  await isIn(page);
  expect(complaints).toEqual([]);
  const second = await open(link);
  await second.page.getByText("This login link was used already, or is too old.").waitFor();
});

browsing("a page that is reloaded before it could keep its token logs in by the same link again", async () => {
  const context = await browser!.newContext();
  const page = await context.newPage();
  let hellos = 0;
  const cut = Promise.withResolvers<void>();
  await page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (!String(message).includes("hello-ok") || ++hellos > 1) return socket.send(message);
      cut.resolve();
    });
  });
  await page.goto(await gateway.gateway.loginLink());
  await cut.promise;
  await page.reload();
  await isIn(page);
  expect(hellos).toBe(2);
  expect(page.url()).not.toContain("login");
});

browsing("a stranger sees how to log in, and the gateway's token opens the door", async () => {
  const { page } = await open(gateway.http);
  await page.getByRole("heading", { name: "Log in to Pincer" }).waitFor();
  await page.getByLabel("or paste the gateway's token").fill("not the token");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("That token is not the gateway's.").waitFor();
  await page.getByLabel("or paste the gateway's token").fill(gateway.token);
  await page.getByRole("button", { name: "Log in" }).click();
  await isIn(page);
});

browsing("an answer streams in, a tool call shows its result, and a reload shows the same", async () => {
  const { page, complaints } = await logIn();
  await say(page, "list the files");
  await page.locator("details.tool.done").first().waitFor();
  await page.locator("article.assistant:not(.live)").last().waitFor();
  const before = await page.locator(".thread .column").textContent();
  expect(before).toContain("list the files");
  await page.reload();
  await page.locator("article.assistant").last().waitFor();
  expect(await page.locator(".thread .column").textContent()).toBe(before);
  expect(complaints).toEqual([]);
});

browsing("markup in an answer is shown as text, and no script of it runs", async () => {
  const { page, complaints } = await logIn();
  const client = await gateway.connect();
  const text =
    'Look: <img src=x onerror="document.title=1"> <script>document.title=2</script> [click](javascript:document.title=3) ![p](http://127.0.0.1:1/x.png)';
  await client.call("chat.inject", { sessionKey: "main", message: text });
  await page.reload();
  await page.getByText("Look:").waitFor();
  expect(await page.title()).toBe("Pincer");
  expect(await page.locator(".markdown img, .markdown script, .markdown a[href^=javascript]").count()).toBe(0);
  expect(complaints).toEqual([]);
});

browsing("however long a conversation is, one can write, on a screen of any size", async () => {
  const { page } = await logIn();
  await say(page, "show me some markdown");
  await page.locator("article.assistant:not(.live) table").last().waitFor();
  for (const size of [
    { width: 1100, height: 500 },
    { width: 360, height: 640 },
  ]) {
    await page.setViewportSize(size);
    const box = await page.getByRole("textbox", { name: "Message" }).boundingBox();
    expect(box!.y + box!.height).toBeLessThanOrEqual(size.height);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow).toBe(0);
  }
});

browsing("stop ends a running answer, and says so", async () => {
  // An answer that outlasts how long a busy browser takes for a click.
  await using slow = await startTestGateway({ config: { plugins: { "provider-demo": { config: { deltaMs: 1_000 } } } } });
  const { page } = await open(await slow.gateway.loginLink());
  await isIn(page);
  await say(page, "count to 500");
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped.").last().waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
});

browsing("a new conversation is empty, stands in the list, and one goes back to the first", async () => {
  const { page } = await logIn();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("button", { name: "What can you do?" }).click();
  await page.locator("article.assistant").last().waitFor();
  await page.getByRole("button", { name: /^Main/ }).click();
  await page.getByText("list the files").first().waitFor();
});

browsing("a conversation is given a name, and deleted only when that was said twice; the first one cannot be", async () => {
  const { page, complaints } = await logIn();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("button", { name: "What time is it?" }).click();
  await page.locator("article.assistant:not(.live)").last().waitFor();
  await page.getByRole("button", { name: "Rename or delete" }).click();
  await page.getByLabel("Name", { exact: true }).fill("The hour");
  await page.keyboard.press("Enter");
  const row = page.getByRole("button", { name: /^The hour/ });
  await row.waitFor();
  await page.getByLabel("Name", { exact: true }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Rename or delete" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await row.waitFor();
  await page.getByRole("button", { name: "Delete for good" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByText("list the files").first().waitFor();
  const client = await gateway.connect();
  const { sessions } = await client.call<{ sessions: { label?: string | null }[] }>("sessions.list", {});
  expect(sessions.filter(({ label }) => label === "The hour")).toEqual([]);
  await page.getByRole("button", { name: "Rename or delete" }).click();
  await page.getByRole("button", { name: "Rename", exact: true }).waitFor();
  expect(await page.getByRole("button", { name: "Delete", exact: true }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

browsing("who reads the end still reads it when a keyboard takes half of the screen", async () => {
  const { page } = await logIn();
  await say(page, "count to 500");
  await page
    .getByText(/499, 500/)
    .first()
    .waitFor();
  await page.setViewportSize({ width: 390, height: 400 });
  await page.waitForFunction(() => {
    const log = document.querySelector('[role="log"]')!;
    return innerWidth === 390 && log.scrollHeight - log.scrollTop - log.clientHeight < 2;
  });
});

browsing("what is sent while the gateway is away goes out once it is back, once (#51620)", async () => {
  await using other = await startTestGateway();
  const { page } = await open(await other.gateway.loginLink());
  await isIn(page);
  await other.stop();
  await page.getByText("The gateway does not answer.").waitFor();
  await say(page, "are you back?");
  await page.getByText("Sending…").waitFor();
  await using again = await startTestGateway({ home: other.home, config: { gateway: { port: Number(new URL(other.http).port) } } });
  await page.locator("article.assistant:not(.live)").last().waitFor();
  const client = await again.connect();
  const { messages } = await client.call<{ messages: { role: string; content: unknown }[] }>("chat.history", { sessionKey: "main" });
  expect(messages.filter(({ role }) => role === "user")).toHaveLength(1);
});

browsing("the owner's commands work in the page: /new begins the conversation anew", async () => {
  await using other = await startTestGateway({ config: { plugins: { "provider-demo": { config: { deltaMs: 0 } } } } });
  const { page } = await open(await other.gateway.loginLink());
  await isIn(page);
  await say(page, "what can you do?");
  await page.locator("article.assistant:not(.live)").last().waitFor();
  await say(page, "/new");
  await page.getByText("what can you do?").waitFor({ state: "detached" });
});

browsing("what a command answers stands in its lines, and who has no channel is led to those that there are", async () => {
  const { page, complaints } = await logIn();
  await say(page, "/help");
  const answer = page.locator(".note", { hasText: "/help: Lists the commands." }).last();
  await answer.waitFor();
  // Twenty commands, 22 pixels each; as one paragraph they take 330.
  expect((await answer.boundingBox())?.height).toBeGreaterThan(400);
  await page.getByRole("button", { name: /^Channels/ }).click();
  await page.getByRole("button", { name: "Choose one" }).click();
  const telegram = page.getByLabel("channel-telegram 0.1.0, found");
  await telegram.getByRole("button", { name: "Turn on…" }).waitFor();
  expect(complaints).toEqual([]);
});

/** A browser whose device the gateway let in for reading and writing alone, as an older page asked. */
async function narrowLink(of: TestGateway): Promise<string> {
  const client = await of.connect();
  const { setupCode } = await client.call<{ setupCode: string }>("device.pair.setupCode", { bootstrapProfile: "limited" });
  const { bootstrapToken } = JSON.parse(Buffer.from(setupCode, "base64url").toString()) as { bootstrapToken: string };
  return `${of.http}/#login=${bootstrapToken}`;
}

browsing("a browser that was let in for less says so, and a fresh link lets it do everything", async () => {
  const { page } = await open(await narrowLink(gateway));
  await isIn(page);
  await page.reload();
  await isIn(page);
  await say(page, "/reset");
  await page.getByText(/Not sent: this browser was let in for less than that; open a fresh link here/).waitFor();
  await page.getByRole("button", { name: /^Requests/ }).click();
  await page.getByText("This browser was let in for less than everything, and cannot answer all requests.").waitFor();
  await page.getByRole("button", { name: /^Plugins/ }).click();
  await page.getByText("and cannot install, change or remove anything here.").waitFor();
  await page.getByRole("searchbox").fill("telegram");
  await page.keyboard.press("Enter");
  await page.getByText("Talks with people on Telegram", { exact: false }).first().waitFor();
  expect(await page.getByRole("button", { name: /Turn|Install|Remove|updates/ }).count()).toBe(0);
  await page.goto(await gateway.gateway.loginLink());
  await page.getByText("This browser was let in for less than everything").waitFor({ state: "detached" });
});
