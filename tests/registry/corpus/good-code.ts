/** Code as decent authors write it, near to what the rules look for. */
import { base64, plugin, put, type Specimen } from "./specimen.ts";

const net = { net: ["api.weather.org:443"] };

export const goodCode: Readonly<Record<string, Specimen>> = {
  "fetches from the host that is named": plugin('const answer = await ctx.fetch("https://api.weather.org/v1?q=" + place);', {
    permissions: net,
  }),
  "fetches from a host below the one that is named": plugin('await fetch("https://eu.weather.org/v1");', {
    permissions: { net: ["*.weather.org:443"] },
  }),
  "fetches from wherever it is told, as it says": plugin('await fetch("https://news.site.io/feed");', { permissions: { net: ["public"] } }),
  "fetches from where the operator says": plugin(`await fetch(\`${put("config.baseUrl")}/v1\`);`, {
    permissions: { net: ["config:/baseUrl"] },
  }),
  "opens a socket to the host that is named": plugin('new WebSocket("wss://api.weather.org/live");', { permissions: net }),
  "mentions an address in a sentence": plugin('throw new Error("no key: get one at https://weather.org/keys and set it");', {
    permissions: net,
  }),
  "speaks with this machine": plugin('await fetch("http://127.0.0.1:8080/health");', { permissions: { net: ["127.0.0.1:8080"] } }),
  "uses a line of its own": plugin('import { connect } from "node:tls";\nconnect(6697, config.host);', {
    permissions: { net: ["config:/host"] },
  }),
  "starts the program that is named": plugin('Bun.spawn(["git", "status"], { cwd });', { permissions: { exec: ["git"] } }),
  "starts the program that is named, by its path": plugin(
    'import { execFile } from "node:child_process";\nexecFile("/usr/bin/git", ["log"]);',
    {
      permissions: { exec: ["/usr/bin/git"] },
    },
  ),
  "starts the program that the operator names": plugin("Bun.spawn([config.program, ...words]);", {
    permissions: { exec: ["config:/program"] },
  }),
  "asks a pattern, which is called exec too": plugin('const match = /a(b)/.exec("ab");\nconst other = pattern.exec("curl");'),
  "names what is forbidden in comments": plugin("// Never eval(text), and no new Function(text): see child_process.\nexport default {};"),
  "names what is forbidden in texts": plugin('const rule = "no eval() and no new Function()";'),
  "has a method that is called require": plugin("interface Rights {\n  require(scope: string): void;\n}\nrights.require(scope);"),
  "loads its own parts": plugin('import { parse } from "./parse.ts";\nconst later = await import("./later.ts");', {
    files: { "parse.ts": "export const parse = JSON.parse;", "later.ts": "export {};" },
  }),
  "opens a file that is named": plugin('import { readFile } from "node:fs/promises";\nawait readFile("/srv/notes/today.md", "utf8");', {
    permissions: { files: { read: ["/srv/notes"] } },
  }),
  "opens a file of its own": plugin('await Bun.file(join(ctx.dataDir, "state.json")).json();'),
  "reads one variable": plugin('const zone = process.env["TZ"] ?? "UTC";'),
  "holds a picture": plugin(
    `const icon = "data:image/png;base64,${Buffer.from(Array.from({ length: 600 }, (_byte, index) => (index * 73) % 256)).toString("base64")}";`,
  ),
  "holds digests": plugin(
    'const known = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"];',
  ),
  "holds prose in base64": plugin(`const greeting = atob("${base64("Good morning to everybody who reads this little text")}");`),
  "writes colours of a terminal as escapes": plugin('const red = "\\x1b[31m";\nconst reset = "\\x1b[0m";'),
  "writes marks as escapes": plugin('const text = "Gr\\u00fc\\u00dfe, caf\\u00e9 \\u2192 na\\u00efve";'),
  "holds flags, families and other scripts": plugin('const all = ["🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👨‍👩‍👧", "שלום", "سلام", "日本語", "❤️"];'),
  "has a table in long lines": plugin(`const table = "${"0123456789,".repeat(400)}";`),
  "has scripts for its author": plugin("export default {};", {
    files: {
      "package.json": JSON.stringify({
        scripts: { test: "bun test", build: "tsc" },
        dependencies: { grammy: "1.46.0", "@scope/part": "^2.0.0" },
      }),
    },
  }),
  "shows how a key looks": plugin("export default {};", {
    files: { "README.md": "Set `GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` and `postgres://user:password@localhost/db`.\n" },
  }),
  "has a licence and a picture": plugin("export default {};", {
    files: {
      LICENSE: "MIT License\n\nPermission is hereby granted, free of charge, to any person.\n",
      "icon.png": Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 255]),
    },
  }),
  "puts templates into templates": plugin(
    `const line = \`${put(`list.map((one) => \`${put("one.name")}: ${put('one.ok ? "yes" : "no"')}\`).join(" ")`)}\`;\nconst half = a / b / c;`,
  ),
  "turns a list around": plugin("const newest = [...list].reverse().join(separator);"),
};
