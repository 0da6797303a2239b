import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { confineByBubblewrap } from "./bubblewrap.ts";
import type { Confinement } from "./confinement.ts";
import { findConfinement } from "./find.ts";

const base = mkdtempSync("/var/tmp/bubblewrap-");
afterAll(() => rmSync(base, { recursive: true }));
let count = 0;
/** A name that a shell, a table of mounts and a list of arguments each read in their own way. */
const odd = 'od d#$(x)\\ "é';
function confinement(source: string, given: Partial<Confinement> = {}): Confinement {
  const folder = join(base, `${count++} ${odd}`);
  const [run, data, entry] = [join(folder, "run"), join(folder, "data"), join(folder, "entry.ts")];
  for (const path of [run, data]) mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(entry, source);
  const limits = { memoryMb: 128, openFiles: 128, processes: 4 };
  return { plugin: "odd", bun: process.execPath, entry, run, data, read: [], write: [], exec: [], sockets: [], net: [], limits, ...given };
}
async function run(what: Confinement, ...args: readonly string[]): Promise<string> {
  const found = await findConfinement();
  if ("missing" in found) throw new Error(found.missing);
  const { command, env } = await found.confine(what);
  const child = Bun.spawn([...command, ...args], { env: { ...env }, cwd: what.run, stdio: ["ignore", "pipe", "pipe"] });
  const [said, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return said + complaint;
}

testWith("bubblewrap")("whatever its folders are called, they are where they were declared", async () => {
  const [readable, writable] = [join(base, `r ${odd}`), join(base, `w ${odd}`)];
  for (const path of [readable, writable]) mkdirSync(path);
  writeFileSync(join(readable, "note"), "a note");
  writeFileSync(join(base, "one file"), "one");
  const what = confinement(
    `import { readFileSync, writeFileSync } from "node:fs";
     writeFileSync(${JSON.stringify(join(writable, "copy"))}, readFileSync(${JSON.stringify(join(readable, "note"))}));
     if (readFileSync(${JSON.stringify(join(base, "one file"))}, "utf8") !== "one") throw new Error("it is another");
     writeFileSync("/pincer/data/kept", "data"); console.log(process.argv.slice(2).join());`,
    { read: [readable, join(base, "one file")], write: [writable] },
  );
  expect(await run(what, "an argument", odd)).toBe(`an argument,${odd}\n`);
  expect(readFileSync(join(writable, "copy"), "utf8")).toBe("a note");
  expect(readdirSync(what.data)).toEqual(["kept"]);
});

testWith("bubblewrap")("a declared program runs by its name, and nothing beside it", async () => {
  const what = confinement(
    'const run = (...c) => { try { return Bun.spawnSync(c).stdout.toString().trim() } catch (e) { return e.code } }; console.log(run("uname", "-s"), run("ls"));',
    {
      exec: [Bun.which("uname") ?? ""],
    },
  );
  expect(await run(what)).toBe("Linux ENOENT\n");
});

testWith("bubblewrap")("a declared socket is connected to, and cannot be replaced", async () => {
  const path = join(base, "service.sock");
  using _service = Bun.listen({ unix: path, socket: { open: (socket) => void socket.write("served"), data: () => undefined } });
  const source = `const { promise, resolve } = Promise.withResolvers();
    await Bun.connect({ unix: ${JSON.stringify(path)}, socket: { data: (_, chunk) => resolve(chunk.toString()) } });
    let why; try { require("node:fs").unlinkSync(${JSON.stringify(path)}) } catch (error) { why = error.code }
    console.log(await promise, why); process.exit();`;
  expect(await run(confinement(source, { sockets: [path] }))).toMatch(/^served (EBUSY|EROFS)\n$/);
});

testWith("bubblewrap")("what stands around a child goes with its folder, and its data stays", async () => {
  const what = confinement(
    'require("node:fs").writeFileSync("/pincer/data/kept", ""); console.log("ready"); process.stdin.resume(); setInterval(() => {}, 1e6);',
  );
  const found = await findConfinement();
  if ("missing" in found) throw new Error(found.missing);
  const { command, env } = await found.confine(what);
  const child = Bun.spawn([...command], { env: { ...env }, stdio: ["ignore", "pipe", "inherit"] });
  await child.stdout.getReader().read();
  // Even while it runs: its mounts are in a namespace of their own.
  rmSync(what.run, { recursive: true });
  expect([existsSync(what.run), existsSync(join(what.data, "kept"))]).toEqual([false, true]);
  child.kill("SIGKILL");
  await child.exited;
});

testWith("bubblewrap")("a child whose gateway is gone before it begins does not begin", async () => {
  const found = await findConfinement();
  if ("missing" in found) throw new Error(found.missing);
  const { command, env } = await found.confine(confinement('console.log("began")'));
  // Started by a shell that stands for whoever is its parent after the gateway.
  const other = Bun.spawn(["/bin/sh", "-c", '"$@"; true', "sh", ...command], { env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
  expect(await new Response(other.stdout).text()).toBe("");
  expect(await new Response(other.stderr).text()).toBe("the gateway that started this is gone\n");
});

test("neither the command nor its environment holds what the gateway's holds", async () => {
  const tools = { sh: "/bin/sh", bwrap: "/usr/bin/bwrap", unshare: "/usr/bin/unshare", mount: "/usr/bin/mount", ip: "/usr/sbin/ip" };
  const confine = confineByBubblewrap({ tools, machine: "x64", libraries: async () => [], disablesNamespaces: true });
  const what = confinement("", { net: ["api.example.com:443"], hidden: [] });
  const { command, env, data } = await confine(what);
  expect(env).toEqual({});
  expect(data).toBe("/pincer/data");
  expect(command.at(-1)).toBe("/pincer/entry.ts");
  const args = readFileSync(join(what.run, "args"), "utf8").split("\0");
  for (const flag of ["--clearenv", "--unshare-pid", "--disable-userns", "--die-with-parent", "--new-session", "--remount-ro"]) {
    expect(args).toContain(flag);
  }
  expect(args.slice(args.indexOf("--cap-drop"))[1]).toBe("ALL");
  expect(args).not.toContain("--cap-add");
});
