import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { WireClient } from "../../plugin-sdk/testing/client.ts";
import { createCliHome } from "../../tests/support/cli.ts";
import { processStart } from "./home.ts";

interface Up {
  readonly url: string;
  readonly alreadyRunning: boolean;
  readonly model: string | null;
  readonly demo: boolean;
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("a gateway in the background", () => {
  test("up makes a private home, prints a one-time link, and stop gives the home back", async () => {
    await using home = createCliHome();
    const up = await home.pincer(["up"]);
    expect(up).toMatchObject({ code: 0, err: "" });
    expect(up.out).toMatch(/Pincer is up \(\d+\.\d\d s\) +http:\/\/127\.0\.0\.1:\d+\/#login=\S+\n/);
    expect(up.out).toContain("pincer stop");
    expect(up.out).toContain("offline demo");
    expect(modeOf(home.path)).toBe("700");
    for (const file of ["pincer.json5", "token", "key", "gateway.log", "gateway.json"])
      expect({ file, mode: modeOf(join(home.path, file)) }).toEqual({ file, mode: "600" });
    const token = readFileSync(join(home.path, "token"), "utf8").trim();
    for (const text of [up.out, readFileSync(join(home.path, "gateway.log"), "utf8"), readFileSync(join(home.path, "gateway.out"), "utf8")])
      expect(text).not.toContain(token);

    expect(await home.json(["status"])).toMatchObject({ running: true, managed: true, healthy: true, config: { valid: true } });
    expect((await home.pincer(["stop"])).out).toContain("stopped");
    expect(await home.pincer(["status"])).toMatchObject({ code: 3, out: expect.stringContaining("not running") });
    expect(existsSync(join(home.path, "gateway.json"))).toBe(false);
    expect(await home.pincer(["stop"])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/no gateway runs .*\nnext {2}nothing is to be stopped/),
    });
  });

  test("a second up finds the first and gives a fresh link; each link works once", async () => {
    await using home = createCliHome();
    const first = await home.json<Up>(["up"]);
    const second = await home.json<Up>(["up"]);
    expect([first.alreadyRunning, second.alreadyRunning]).toEqual([false, true]);
    expect(new URL(second.url).origin).toBe(new URL(first.url).origin);
    expect(second.url).not.toBe(first.url);
    expect(new URL(first.url).search).toBe("");
  });

  test("two ups at once start one gateway", async () => {
    await using home = createCliHome();
    const [one, two] = await Promise.all([home.json<Up>(["up"]), home.json<Up>(["up"])]);
    expect(new URL(one.url).origin).toBe(new URL(two.url).origin);
  });

  test("a port that is taken, and why, is said at once, and doctor names who has it", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("mine") });
    await using home = createCliHome({ PINCER_PORT: String(other.port) });
    const up = await home.pincer(["up"]);
    expect(up.code).toBe(1);
    expect(up.err).toStartWith(`error cannot listen on 127.0.0.1:${other.port}: `);
    expect(up.err).toContain("pincer doctor");
    const { findings } = await home.json<{ findings: { check: string; level: string; detail: string; mend?: string }[] }>(["doctor"]);
    expect(findings.find(({ check }) => check === "port")).toMatchObject({
      level: "error",
      detail: expect.stringContaining(`port ${other.port} is used by`),
      mend: expect.stringContaining("pincer config set gateway.port"),
    });
  });

  test("restart ends it and starts it again", async () => {
    await using home = createCliHome();
    await home.pincer(["up"]);
    const before = await home.json<{ pid: number }>(["status"]);
    expect((await home.pincer(["restart"])).out).toContain("#login=");
    expect((await home.json<{ pid: number }>(["status"])).pid).not.toBe(before.pid);
  });

  test("SIGHUP reads the configuration again, SIGTERM stops it gracefully with exit code 0", async () => {
    await using home = createCliHome();
    const gateway = Bun.spawn([...home.command, "gateway", "--json"], { env: home.env, stdout: "pipe", stderr: "inherit" });
    const lines = linesOf(gateway.stdout);
    await lines.until((line) => line["event"] === "gateway.ready");
    writeFileSync(join(home.path, "pincer.json5"), "{ gateway: { log: { level: 'debug' } } }");
    gateway.kill("SIGHUP");
    await lines.until((line) => line["event"] === "config.applied");
    gateway.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
  });
});

test.skipIf(process.platform !== "linux")(
  "a gateway that was killed is gone, also in a container where nobody asks how it ended",
  async () => {
    await using home = createCliHome();
    await home.pincer(["up"]);
    await home.pincer(["stop"]);
    await using parent = Bun.spawn(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"], { stdout: "pipe" });
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    // The shell itself would ask how it ended; what it becomes does not.
    while (readFileSync(`/proc/${parent.pid}/comm`, "latin1").trim() !== "sleep") await systemClock.sleep(1);
    const state = { pid, processStart: processStart(pid), url: "http://127.0.0.1:1/", version: "0", startedAt: 0, managed: true };
    writeFileSync(join(home.path, "gateway.json"), JSON.stringify(state));
    process.kill(pid, "SIGKILL");
    while (!readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")) await systemClock.sleep(1);
    expect(await home.pincer(["status"])).toMatchObject({ code: 3, out: expect.stringContaining("not running") });
    expect(await home.pincer(["up"])).toMatchObject({ code: 0 });
    parent.kill();
    await parent.exited;
  },
);

test("a service manager is told when the gateway is ready and when it stops", async () => {
  await using home = createCliHome();
  const bin = join(home.path, "..", "bin");
  const said = join(bin, "said");
  mkdirSync(bin);
  writeFileSync(join(bin, "systemd-notify"), `#!/bin/sh\necho "$1" >> '${said}'\n`, { mode: 0o755 });
  const env = { ...home.env, PATH: `${bin}:${home.env["PATH"]}`, NOTIFY_SOCKET: join(bin, "socket") };
  const gateway = Bun.spawn([...home.command, "gateway", "--json"], { env, stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(gateway.stdout);
  await lines.until((line) => line["event"] === "gateway.ready");
  const told = async (text: string) => {
    while (!existsSync(said) || readFileSync(said, "utf8") !== text) await new Promise((resolve) => setImmediate(resolve));
  };
  await told("READY=1\n");
  gateway.kill("SIGTERM");
  expect(await gateway.exited).toBe(0);
  await told("READY=1\nSTOPPING=1\n");
});

test("a service is written for this user, with the home that it serves", async () => {
  await using home = createCliHome({ XDG_CONFIG_HOME: "" });
  const { file, text } = await home.json<{ file: string; text: string }>(["service", "print"]);
  expect(text).toContain(`PINCER_HOME=${home.path}`);
  if (process.platform === "linux") expect(file).toEndWith("/.config/systemd/user/pincer.service");
  expect((await home.pincer(["service", "install"], { env: { PATH: "/nowhere" } })).code).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect((await home.pincer(["service", "uninstall"], { env: { PATH: "/nowhere" } })).code).toBe(0);
  expect(existsSync(file)).toBe(false);
});

/** Log lines as they come. */
function linesOf(stream: ReadableStream<Uint8Array>) {
  const reader = stream.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  let rest = "";
  return {
    async until(matches: (line: Record<string, unknown>) => boolean): Promise<void> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error("the gateway ended before the expected line");
        const parts = (rest + value).split("\n");
        rest = parts.pop() ?? "";
        if (parts.some((part) => part.startsWith("{") && matches(JSON.parse(part)))) return;
      }
    },
  };
}

describe("commands of a running gateway", () => {
  test("configuration, secrets, sessions, plugins, devices and logs are at hand", async () => {
    await using home = createCliHome();
    await home.pincer(["up"]);

    expect((await home.pincer(["config", "set", "gateway.log.level", "debug"])).out).toContain("gateway.log.level = debug");
    expect((await home.pincer(["config", "get", "gateway.log.level"])).out).toBe("debug\n");
    expect(readFileSync(join(home.path, "pincer.json5"), "utf8")).toContain("// Which model answers");
    const refused = await home.pincer(["config", "set", "gateway.prot", "1"]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('did you mean "port"?') });
    expect((await home.pincer(["config", "set", "gateway.log.level", "--unset"])).code).toBe(0);
    await home.pincer(["plugins", "disable", "configuration"]);
    expect(await home.pincer(["config", "get"])).toMatchObject({ code: 1, err: expect.stringContaining("pincer plugins list") });
    expect((await home.pincer(["status"])).code).toBe(0);
    await home.pincer(["plugins", "enable", "configuration"]);

    const set = await home.pincer(["secrets", "set", "VENDOR_KEY"], { stdin: "sk-hidden\n" });
    expect(set.out).toContain('{ secret: "VENDOR_KEY" }');
    expect(set.out).not.toContain("sk-hidden");
    expect((await home.pincer(["secrets", "list"])).out).toContain("VENDOR_KEY");
    expect((await home.pincer(["secrets", "set", "VENDOR_KEY", "sk-on-the-command-line"])).code).toBe(2);
    expect((await home.pincer(["secrets", "delete", "VENDOR_KEY"])).code).toBe(0);
    expect((await home.pincer(["secrets", "set", "EMPTY"], { stdin: "" })).err).toContain("nothing was kept");

    expect((await home.pincer(["sessions", "list"])).code).toBe(0);
    expect((await home.pincer(["plugins", "list"])).out).toContain("webchat");
    expect((await home.pincer(["devices", "list"])).code).toBe(0);
    expect(JSON.parse((await home.pincer(["call", "health"])).out)).toMatchObject({ ok: true });
    expect(await home.pincer(["call", "no.such.method"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("unknown method: no.such.method"),
    });
    expect((await home.pincer(["call", "health", "{ broken"])).err).toContain("line 1");
    expect((await home.pincer(["logs", "-n", "500"])).out).toContain("gateway.ready");
    expect((await home.pincer(["logs", "--level", "error"])).out).not.toContain("gateway.ready");
  });

  test("a phone that asks is listed, approved and removed", async () => {
    await using home = createCliHome();
    const { url } = await home.json<Up>(["up"]);
    const { createDeviceKey } = await import("../../plugin-sdk/testing/client.ts");
    const device = createDeviceKey();
    const node = {
      url: new URL(url).origin.replace("http", "ws"),
      token: readFileSync(join(home.path, "token"), "utf8").trim(),
      device,
      headers: { "x-forwarded-for": "203.0.113.9" },
    };
    await expect(WireClient.connect(node)).rejects.toThrow("NOT_PAIRED");
    const { pending } = await home.json<{ pending: { requestId: string }[] }>(["devices", "list"]);
    expect((await home.pincer(["devices", "approve", pending[0]!.requestId])).out).toContain("may come in");
    expect((await home.pincer(["devices", "list"])).out).toContain(device.id.slice(0, 12));
    expect((await home.pincer(["devices", "remove", device.id.slice(0, 8)])).out).toContain("is forgotten");
    expect((await home.json<{ paired: unknown[] }>(["devices", "list"])).paired).toEqual([]);
  });
});

test("doctor finds what is wrong with a home and names the command that mends it", async () => {
  await using home = createCliHome();
  await home.pincer(["config", "set", "gateway.port", "18790"]);
  Bun.spawnSync(["chmod", "755", home.path]);
  writeFileSync(join(home.path, "pincer.json5"), "{\n  gateway: { bind: 5 },\n}", { mode: 0o644 });
  Bun.spawnSync(["chmod", "644", join(home.path, "pincer.json5")]);
  writeFileSync(join(home.path, "pincer.db"), "this is no database, but it is long enough to be looked at as one".repeat(40));
  const { out, code } = await home.pincer(["doctor"]);
  expect(code).toBe(1);
  for (const said of [
    `chmod 700 ${home.path}`,
    `chmod 600 ${home.path}/pincer.json5`,
    "gateway.bind (line 2, column 20): expected string, came 5",
    "restore it from a backup",
    "pincer stop, then restore",
  ])
    expect(out).toContain(said);
});

test("without a gateway config set writes the file, judged by every schema there is", async () => {
  await using home = createCliHome();
  expect((await home.pincer(["config", "set", "gateway.bind", "lan"])).code).toBe(0);
  expect((await home.pincer(["config", "get"])).out).toMatch(/^gateway {2}bind = "lan"\nwith their defaults: [\w, \n]*models[^{]*$/);
  for (const whole of [await home.json(["config", "get"]), await home.json(["config", "get", "--all"])])
    expect(whole).toMatchObject({ gateway: { bind: "lan", auth: { mode: "token" } }, models: expect.anything() });
  expect(await home.pincer(["config", "set", "gateway.bnd", "lan"])).toMatchObject({
    code: 1,
    err: expect.stringContaining('did you mean "bind"?'),
  });
  expect(await home.pincer(["config", "set", "agents.list", "7"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("expected array"),
  });
  // PINCER_PORT is set here, and would hide it.
  expect(await home.pincer(["config", "set", "gateway.port", "99999"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("expected integer from 0 to 65535, came 99999"),
  });
  expect(readFileSync(join(home.path, "pincer.json5"), "utf8")).toContain("// Pincer's configuration");
});

test("the protocol is exported with every method and event of the gateway", async () => {
  await using home = createCliHome();
  const exported = await home.json<{ methods: Record<string, { params: object }>; events: object }>(["protocol", "export"]);
  await home.pincer(["up"]);
  const { features } = await hello(home.path);
  expect(features.methods.filter((name) => !(name in exported.methods))).toEqual([]);
  expect(features.events.filter((name) => !(name in exported.events) && name !== "connect.challenge")).toEqual([]);
  expect(exported.methods["config.patch"]?.params).toMatchObject({ required: ["raw"] });
  const swift = await home.pincer(["protocol", "export", "--format", "swift"]);
  expect(swift.out).toContain("public struct ConfigPatchParams: Codable, Sendable {");
});

async function hello(home: string) {
  const { url } = JSON.parse(readFileSync(join(home, "gateway.json"), "utf8")) as { url: string };
  const token = readFileSync(join(home, "token"), "utf8").trim();
  await using client = await WireClient.connect({ url: url.replace("http", "ws"), token });
  return client.hello as unknown as { features: { methods: string[]; events: string[] } };
}
