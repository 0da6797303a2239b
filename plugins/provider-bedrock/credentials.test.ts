import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credential, provider } from "@pincer/plugin-sdk/contracts/provider";
import { reaches } from "@pincer/plugin-sdk/permissions";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { ask, type Fixture, io, signedAt, startBedrock } from "../../tests/fixtures/bedrock.ts";
import { ACCOUNT, startBedrockVendor } from "../../tests/vendors/bedrock/server.ts";
import { startTokenService } from "../../tests/vendors/bedrock/token-service.ts";
import manifest from "./plugin.json" with { type: "json" };

type Json = Readonly<Record<string, unknown>>;

const folder = (files: Readonly<Record<string, string>>) => {
  const path = mkdtempSync(join(tmpdir(), "pincer-aws-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};
const profile = (name: string, secret = ACCOUNT.secretAccessKey, id = ACCOUNT.accessKeyId) =>
  `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;

/** AWS's library looks for who signed in below the home of whoever runs it. */
function withHome(path: string): Disposable {
  const before = process.env["HOME"];
  process.env["HOME"] = path;
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete process.env["HOME"];
      else process.env["HOME"] = before;
    },
  };
}

inEveryMode("AWS's own files", (mode, test) => {
  test("are read where they are set to be, and a profile in them signs", async () => {
    await using vendor = startBedrockVendor();
    using aws = folder({ credentials: profile("work"), config: "[profile work]\nregion = us-east-1\n" });
    await using kit = await startPlugin(import.meta.dir, {
      mode,
      config: { awsFolder: aws.path },
      secrets: { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: vendor.origin },
    });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    const { answer } = await ask({ provider: kit.uses(provider) }, { credential: { type: "aws-sdk", name: "work" } });
    expect(answer.message.content).toEqual([{ type: "text", text: "ok" }]);
    const other = await ask({ provider: kit.uses(provider) }, { credential: { type: "aws-sdk", name: "other" } });
    expect(other.answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining('no profile "other"') });
  });
});

describe("endpoints and credentials", () => {
  /** Where AWS's names lead to in these tests. Whoever the manifest does not name is nowhere. */
  const leading = (hosts: Readonly<Record<string, string>>) => {
    const asked: string[] = [];
    const send = async (input: string | URL | Request, init?: RequestInit) => {
      const url = new URL(String(input));
      if (!manifest.permissions.net.some((entry) => reaches(entry, url))) throw new Error(`the manifest does not name ${url.host}`);
      asked.push(url.host);
      const origin = hosts[url.host];
      if (origin === undefined) throw new Error(`nobody is at ${url.host}`);
      return fetch(`${origin}${url.pathname}${url.search}`, {
        ...init,
        headers: { ...(init?.headers as Json), host: url.host } as HeadersInit,
      });
    };
    return { asked, fetch: send as typeof fetch };
  };
  const status = async ({ provider }: Fixture, endpoint = "bedrock") =>
    (await provider.endpoints({}, io)).endpoints.find((one) => one.endpoint === endpoint);

  test("without credentials, or without a region, the endpoint is not ready and says what to set, and nothing is asked", async () => {
    using aws = folder({});
    await using fixture = await startBedrock({ secrets: {}, config: { awsFolder: aws.path } });
    expect(await status(fixture)).toMatchObject({ ready: false, detail: expect.stringContaining("set AWS_BEARER_TOKEN_BEDROCK") });
    expect((await ask(fixture)).answer).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
    expect(await fixture.provider.models({}, io)).toEqual({ models: [] });
    await using nowhere = await startBedrock({ secrets: { AWS_BEARER_TOKEN_BEDROCK: "k" } });
    expect(await status(nowhere)).toMatchObject({ ready: false, detail: expect.stringContaining("set AWS_REGION") });
  });

  test("an API key goes as a bearer token; one that the vendor does not know is told as auth", async () => {
    await using vendor = startBedrockVendor({ apiKeys: ["bedrock-api-key-1"] });
    const secrets = { ...signedAt(vendor.origin), AWS_BEARER_TOKEN_BEDROCK: "bedrock-api-key-1", AUTH_PROFILE_X: "another" };
    await using fixture = await startBedrock({ secrets });
    expect(await status(fixture)).toMatchObject({ ready: true, credential: expect.any(String), defaultModel: expect.any(String) });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    expect((await ask(fixture)).answer.stopReason).toBe("stop");
    expect((await vendor.received(1)).headers.get("authorization")).toBe("Bearer bedrock-api-key-1");
    for (const type of ["api-key", "token"] as const) {
      const { answer } = await ask(fixture, { credential: { type, secret: "AUTH_PROFILE_X" } });
      expect(answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining("API Key") });
    }
    const gone = await ask(fixture, { credential: { type: "api-key", secret: "AUTH_PROFILE_GONE" } });
    expect(gone.answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining("pincer models auth add") });
  });

  test("the region makes the address, and each endpoint may have its own, its own key and its own models", async () => {
    await using vendor = startBedrockVendor({ region: "eu-central-1", apiKeys: ["eu-key"] });
    const net = leading({ "bedrock-runtime.eu-central-1.amazonaws.com": vendor.origin });
    await using fixture = await startBedrock({
      fetch: net.fetch,
      secrets: { EU_KEY: "eu-key", AWS_REGION: "us-west-2" },
      config: { endpoints: { eu: { region: "eu-central-1", key: { secret: "EU_KEY" }, models: ["eu.anthropic.claude-sonnet-4-6"] } } },
    });
    expect(await status(fixture, "eu")).toMatchObject({ label: "eu", ready: true, defaultModel: "eu.anthropic.claude-sonnet-4-6" });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    expect((await ask(fixture, { model: "eu/eu.anthropic.claude-sonnet-4-6" })).answer.stopReason).toBe("stop");
    const { answer } = await ask(fixture, { credential: { type: "api-key", secret: "EU_KEY" } });
    expect(answer.failure?.message).toContain("https://bedrock-runtime.us-west-2.amazonaws.com");
    expect(net.asked).toEqual(["bedrock-runtime.eu-central-1.amazonaws.com", "bedrock-runtime.us-west-2.amazonaws.com"]);
    const { models } = await fixture.provider.models({ endpoint: "eu" }, io);
    expect(models).toMatchObject([{ ref: "eu/eu.anthropic.claude-sonnet-4-6", reasoning: true, contextWindow: null, price: null }]);
  });

  test("a profile of AWS's own files signs, in its own region; one that is not there is told before anything is sent", async () => {
    await using vendor = startBedrockVendor({ region: "eu-west-1" });
    using aws = folder({ credentials: profile("work"), config: "[profile work]\nregion = eu-west-1\n" });
    const secrets = { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: vendor.origin };
    await using fixture = await startBedrock({ secrets, config: { awsFolder: aws.path } });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    const credential: Credential = { type: "aws-sdk", name: "work" };
    expect((await ask(fixture, { credential })).answer.stopReason).toBe("stop");
    expect(await fixture.provider.probe?.({ endpoint: "bedrock", credential }, io)).toEqual({});
    const { answer } = await ask(fixture, { credential: { type: "aws-sdk", name: "home" } });
    expect(answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining(`no profile "home" in ${aws.path}/config`) });
    expect(vendor.ledger).toHaveLength(1);
    expect(await status(fixture)).toMatchObject({ ready: false });
    await using named = await startBedrock({ secrets: { ...secrets, AWS_PROFILE: "work" }, config: { awsFolder: aws.path } });
    expect(await status(named)).toMatchObject({ ready: true });
  });

  test("without a name AWS's own chain is asked, and finds the default profile", async () => {
    await using vendor = startBedrockVendor();
    using aws = folder({ credentials: profile("default"), config: "[default]\nregion = us-east-1\n" });
    await using fixture = await startBedrock({
      secrets: { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: vendor.origin },
      config: { awsFolder: aws.path },
    });
    vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
    expect((await ask(fixture, { credential: { type: "aws-sdk" } })).answer.stopReason).toBe("stop");
    // Also as the endpoint's own, where nothing else is set.
    expect((await ask(fixture)).answer.stopReason).toBe("stop");
  });

  test("keys that were refused are read again from the files, where somebody has changed them by then", async () => {
    await using vendor = startBedrockVendor();
    using aws = folder({ credentials: profile("work", "old"), config: "[profile work]\nregion = us-east-1\n" });
    await using fixture = await startBedrock({
      secrets: { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: vendor.origin },
      config: { awsFolder: aws.path },
    });
    const credential: Credential = { type: "aws-sdk", name: "work" };
    expect((await ask(fixture, { credential })).answer.failure?.class).toBe("auth");
    writeFileSync(join(aws.path, "credentials"), profile("work"));
    expect(await fixture.provider.probe?.({ endpoint: "bedrock", credential }, io)).toEqual({});
    vendor.answer({ steps: [{ text: ["ok"] }] });
    expect((await ask(fixture, { credential })).answer.stopReason).toBe("stop");
  });

  test("a profile that stands for a role asks AWS for its keys, with the plugin's own fetch, once", async () => {
    const role = "arn:aws:iam::123456789012:role/agent";
    const gives = { accessKeyId: "ASIAROLE", secretAccessKey: "of+the/role", sessionToken: "session/token==" };
    await using tokens = startTokenService({ accounts: { [ACCOUNT.accessKeyId]: ACCOUNT }, role, gives });
    await using vendor = startBedrockVendor({ accounts: { ASIAROLE: gives } });
    const net = leading({ "bedrock-runtime.us-east-1.amazonaws.com": vendor.origin, "sts.us-east-1.amazonaws.com": tokens.origin });
    const roles = `[profile agent]\nrole_arn = ${role}\nsource_profile = base\nregion = us-east-1\n`;
    using aws = folder({
      credentials: profile("base"),
      config: `${roles}[profile other]\nrole_arn = ${role}2\nsource_profile = base\nregion = us-east-1\n`,
    });
    await using fixture = await startBedrock({ secrets: {}, fetch: net.fetch, config: { awsFolder: aws.path } });
    vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
    for (let turn = 0; turn < 2; turn++)
      expect((await ask(fixture, { credential: { type: "aws-sdk", name: "agent" } })).answer.stopReason).toBe("stop");
    expect(tokens.asked).toEqual([role]);
    const { answer } = await ask(fixture, { credential: { type: "aws-sdk", name: "other" } });
    expect(answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining("not authorized to perform: sts:AssumeRole") });
    await tokens[Symbol.asyncDispose]();
    await using later = await startBedrock({ secrets: {}, fetch: net.fetch, config: { awsFolder: aws.path } });
    expect((await ask(later, { credential: { type: "aws-sdk", name: "agent" } })).answer.failure).toMatchObject({
      class: "network",
      message: expect.stringContaining("sts.us-east-1.amazonaws.com could not be asked for credentials"),
    });
  });

  test("whoever signed in with aws sso login is given the keys of the account, and asked to sign in again when that has ended", async () => {
    const gives = { accessKeyId: "ASIASSO", secretAccessKey: "of+the/sign-in", sessionToken: "sso/token==" };
    await using vendor = startBedrockVendor({ accounts: { ASIASSO: gives } });
    const asked: (string | null)[] = [];
    using portal = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        asked.push(`${new URL(request.url).pathname} ${request.headers.get("x-amz-sso_bearer_token")}`);
        return Response.json({ roleCredentials: { ...gives, expiration: Date.now() + 3_600_000 } });
      },
    });
    const net = leading({
      "bedrock-runtime.us-east-1.amazonaws.com": vendor.origin,
      "portal.sso.us-east-1.amazonaws.com": `http://127.0.0.1:${portal.port}`,
    });
    using home = folder({});
    const session = (name: string) => `[sso-session ${name}]\nsso_region = us-east-1\nsso_start_url = https://start.example.com\n`;
    const of = (name: string) =>
      `[profile ${name}]\nsso_session = ${name}\nsso_account_id = 1\nsso_role_name = agent\nregion = us-east-1\n`;
    const token = (expiresAt: string) => JSON.stringify({ accessToken: "signed-in", expiresAt });
    mkdirSync(join(home.path, ".aws", "sso", "cache"), { recursive: true });
    const kept = (name: string) =>
      join(home.path, ".aws", "sso", "cache", `${new Bun.CryptoHasher("sha1").update(name).digest("hex")}.json`);
    writeFileSync(join(home.path, ".aws", "config"), `${session("good")}${session("over")}${of("good")}${of("over")}`);
    writeFileSync(kept("good"), token("2036-01-01T00:00:00Z"));
    writeFileSync(kept("over"), token("2020-01-01T00:00:00Z"));
    using _ = withHome(home.path);
    await using fixture = await startBedrock({ secrets: {}, fetch: net.fetch });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    expect((await ask(fixture, { credential: { type: "aws-sdk", name: "good" } })).answer).toMatchObject({ stopReason: "stop" });
    expect(asked).toEqual(["/federation/credentials signed-in"]);
    const { answer } = await ask(fixture, { credential: { type: "aws-sdk", name: "over" } });
    expect(answer.failure).toMatchObject({ class: "auth", message: expect.stringContaining("aws sso login") });
    // Nobody at the service for credentials says nothing against them.
    const alone = leading({ "bedrock-runtime.us-east-1.amazonaws.com": vendor.origin });
    await using offline = await startBedrock({ secrets: {}, fetch: alone.fetch });
    expect((await ask(offline, { credential: { type: "aws-sdk", name: "good" } })).answer.failure).toMatchObject({
      class: "network",
      message: expect.stringContaining("portal.sso.us-east-1.amazonaws.com could not be asked for credentials"),
    });
  });

  test("a service for credentials that says nothing is given up with the request", async () => {
    using aws = folder({
      credentials: profile("base"),
      config: "[profile agent]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\nregion = us-east-1\n",
    });
    const asked = Promise.withResolvers<void>();
    const silent = (_: unknown, init?: RequestInit) => {
      asked.resolve();
      return new Promise<Response>((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    };
    await using fixture = await startBedrock({ secrets: {}, fetch: silent as unknown as typeof fetch, config: { awsFolder: aws.path } });
    const answering = ask(fixture, { credential: { type: "aws-sdk", name: "agent" } });
    await asked.promise;
    await fixture.clock.advance(60_000);
    expect((await answering).answer).toMatchObject({ stopReason: "error", failure: { class: "timeout" } });
    expect(fixture.clock.timers).toBe(0);
  });
});

describe("the list of models", () => {
  test("profiles and models that can be asked by their own id, page by page; what no agent can use is left out", async () => {
    await using fixture = await startBedrock();
    const { models } = await fixture.provider.models({}, io);
    const arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    expect(models.map(({ ref, name, vision, reasoning }) => [ref, name, vision, reasoning])).toEqual([
      ["bedrock/global.anthropic.claude-sonnet-5", "Global Claude Sonnet 5", true, true],
      [`bedrock/${arn}`, "team budget", true, true],
      ["bedrock/amazon.nova-micro-v1:0", "Nova Micro", false, false],
    ]);
    // Its id says nothing of the model behind it, and the list has said it.
    fixture.vendor.answer({ steps: [{ text: ["ok"] }] });
    await ask(fixture, { model: `bedrock/${arn}`, thinking: "low" });
    expect((await fixture.vendor.received(1)).body.additionalModelRequestFields).toEqual({
      thinking: { type: "enabled", budget_tokens: 2048 },
    });
  });

  test("whoever may ask models and see no list is well, and told what is missing when it wants the list", async () => {
    await using fixture = await startBedrock({ vendor: { hidesLists: true } });
    expect(await fixture.provider.probe?.({ endpoint: "bedrock" }, io)).toEqual({});
    expect(fixture.provider.models({}, io)).rejects.toThrow("not authorized to perform: bedrock:ListFoundationModels");
  });
});
