import { expect, test } from "bun:test";
import { homedir } from "node:os";
import type { Wanted } from "./source.ts";
import { parseWanted } from "./wanted.ts";

const read = (text: string) => parseWanted(text, "plugins", "/desk");
const plugin = { from: "registry", kind: "plugins" } as const;

test.each<[string, Wanted]>([
  ["telegram", { ...plugin, id: "telegram" }],
  ["telegram@1.2.0", { ...plugin, id: "telegram", range: "1.2.0" }],
  ["telegram@^1", { ...plugin, id: "telegram", range: "^1" }],
  ["acme/telegram", { ...plugin, id: "telegram", registry: "acme" }],
  ["acme/telegram@>=1.0.0", { ...plugin, id: "telegram", registry: "acme", range: ">=1.0.0" }],
  ["npm:pkg", { from: "npm", name: "pkg" }],
  ["npm:pkg@^1", { from: "npm", name: "pkg", range: "^1" }],
  ["npm:@scope/pkg@next", { from: "npm", name: "@scope/pkg", range: "next" }],
  ["git:https://host/x.git#v1", { from: "git", url: "https://host/x.git", ref: "v1" }],
  ["git+https://host/x.git#main:plugins/one", { from: "git", url: "https://host/x.git", ref: "main", inside: "plugins/one" }],
  ["git+https://host/x.git#:plugins/one", { from: "git", url: "https://host/x.git", inside: "plugins/one" }],
  ["git+https://host/x.git", { from: "git", url: "https://host/x.git" }],
  ["https://host/x.git#v1", { from: "git", url: "https://host/x.git", ref: "v1" }],
  ["git+ssh://git@host/x.git", { from: "git", url: "ssh://git@host/x.git" }],
  ["git:git@host:team/x.git#v1", { from: "git", url: "ssh://git@host/team/x.git", ref: "v1" }],
  ["git:file:///srv/x.git", { from: "git", url: "file:///srv/x.git" }],
  ["./folder", { from: "folder", path: "/desk/folder" }],
  ["../folder", { from: "folder", path: "/folder" }],
  [".", { from: "folder", path: "/desk" }],
  ["/srv/a folder", { from: "folder", path: "/srv/a folder" }],
  ["~/mine", { from: "folder", path: `${homedir()}/mine` }],
  ["file.tgz", { from: "archive", at: "/desk/file.tgz" }],
  ["/srv/file.tar.gz", { from: "archive", at: "/srv/file.tar.gz" }],
  ["https://host/x.tgz", { from: "archive", at: "https://host/x.tgz" }],
  ["https://192.168.1.4/x.tgz", { from: "archive", at: "https://192.168.1.4/x.tgz" }],
  ["http://127.0.0.1:8080/x.tgz", { from: "archive", at: "http://127.0.0.1:8080/x.tgz" }],
  ["clawhub:slug", { from: "clawhub", slug: "slug" }],
  ["clawhub:@ada/slug@1.0.0", { from: "clawhub", slug: "@ada/slug", version: "1.0.0" }],
  ["clawhub:other:@ada/slug@1.0.0", { from: "clawhub", slug: "other:@ada/slug", version: "1.0.0" }],
  ["clawhub:slug@1.0.0", { from: "clawhub", slug: "slug", version: "1.0.0" }],
])("%s", (text, wanted) => {
  expect(read(text)).toEqual(wanted);
});

test.each<[string, string]>([
  ["", "the name of a package"],
  ["Telegram", "small letters"],
  ["a/b/c", "small letters"],
  ["telegram@", "a version or a range"],
  ["telegram@latest", "a version or a range"],
  ["telegram@1.0.0;ls", "a version or a range"],
  ["tele gram", "no spaces"],
  ["tele\u200bgram", "no signs that nobody sees"],
  ["--force", "an option"],
  ["npm:", "a package of npm"],
  ["npm:../x", "a package of npm"],
  ["npm:-x", "a package of npm"],
  ["npm:x@", "a version, a range or a tag"],
  ["npm:x@https://host/x.tgz", "a version, a range or a tag"],
  ["npm:x@file:../x", "a version, a range or a tag"],
  ["clawhub:../x", "a skill's name"],
  ["clawhub:x@^1", "a version"],
  ["git@host:x.git", "git:git@host:x.git"],
  ["ssh://host/x.git", "git:ssh://host/x.git"],
  ["git:https://host/x.git#", "a branch, a tag or a commit"],
  ["git:https://host/x.git#--upload-pack=ls", "a branch, a tag or a commit"],
  ["git:https://host/x.git#a..b", "a branch, a tag or a commit"],
  ["git:--upload-pack=ls", "the address of a repository"],
  ["git:-oProxyCommand=ls@host:x", "the address of a repository"],
  ["git:git@-oProxyCommand=ls:x", "the address of a repository"],
  ["git:ssh://-oProxyCommand=ls/x", "the address of a repository"],
  ["git:ssh://%2doProxyCommand=ls@host/x", "the address of a repository"],
  ["git:ssh://host/-x", "the address of a repository"],
  ["git:ext::sh -c ls", "no spaces"],
  ["git:ext::ls", "https, ssh or file"],
  ["git:http://host/x.git", "https or ssh"],
  ["git:https://user:secret@host/x.git", "without a password"],
  ["git:file://host/x.git", "a path of this machine"],
  ["http://host/x.tgz", "https"],
  ["http://192.168.1.4/x.tgz", "https"],
  ["https://user:secret@host/x.tgz", "without a name or a password"],
  ["https://", "an address"],
])("%j is refused, and told what would do", (text, why) => {
  const failure = (() => {
    try {
      return read(text);
    } catch (error) {
      return error;
    }
  })();
  expect(failure).toMatchObject({ code: "REGISTRY_CLIENT_WANTED_INVALID", message: expect.stringContaining(why) });
});

test.each([
  "git:https://user:s3cret@host/x.git",
  "git:https://s3cret@host/x.git",
  "git:ssh://git:s3cret@host/x.git",
  "git:https://host/x.git?token=s3cret",
  "https://user:s3cret@host/x.tgz",
  "http://host/x.tgz?token=s3cret",
  `https://user:${"s3cret".repeat(50)}@host/x.tgz`,
])("what lets somebody in is not said again: %j", (text) => {
  expect(() => read(text)).toThrow(/^(?!.*s3cret).*host/);
});

test("a folder of a repository stays inside it", () => {
  expect(() => read("git:https://host/x.git#v1:../other")).toThrow("stays inside");
});

test("whatever is typed names a package, or is refused with a code", () => {
  const parts =
    "npm: git: git+ https:// http:// ssh:// file:/// clawhub: ./ ../ / ~ @ # : a b-c x.tgz ^1 1.0.0 .. - %zz %2e ext:: git@h:x [::1] \\ * ?".split(
      " ",
    );
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 5_000; round++) {
    const text = Array.from({ length: 1 + random(7) }, () => parts[random(parts.length)]).join("");
    try {
      const wanted = read(text);
      if (wanted.from === "git") expect(wanted.url).toMatch(/^(https?|ssh|file):\/\/[^-]/);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^REGISTRY_(CLIENT_WANTED|ARCHIVE)_INVALID$/) });
    }
  }
});
