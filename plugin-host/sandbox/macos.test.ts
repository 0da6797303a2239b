import { expect, test } from "bun:test";
import type { Confinement } from "./confinement.ts";
import { profileOf } from "./macos.ts";

const what: Confinement = {
  plugin: "notes",
  bun: "/opt/bun",
  entry: "/Users/me/.pincer/notes.js",
  code: "/private/tmp/run/code",
  run: "/private/tmp/run",
  data: "/Users/me/.pincer/data/notes",
  read: ["/Users/me", "/Users/me/.pincer/skills"],
  write: ["/Users/me/notes"],
  exec: ["/usr/bin/git"],
  sockets: ["/private/var/run/docker.sock"],
  net: [],
  limits: { memoryMb: 64, openFiles: 64, processes: 1 },
  hidden: ["/Users/me/.pincer"],
};
const lines = (given: Partial<Confinement> = {}, port?: number) =>
  profileOf({ ...what, ...given }, { tmp: "/private/tmp/run/tmp", port }).split("\n");

test("everything is denied but what is declared, and later rules are the narrower ones", () => {
  const profile = lines();
  expect(profile.slice(0, 3)).toEqual(["(version 1)", "(deny default)", '(import "system.sb")']);
  expect(profile).toContain('(allow process-exec* (literal "/opt/bun") (literal "/usr/bin/git"))');
  const place = (line: string) => {
    const at = profile.indexOf(line);
    expect({ line, isThere: at >= 0 }).toEqual({ line, isThere: true });
    return at;
  };
  const shown = place('(allow file-read* (subpath "/Users/me") (subpath "/Users/me/.pincer/skills") (subpath "/Users/me/notes"))');
  const hidden = place('(deny file-read* file-write* (subpath "/Users/me/.pincer"))');
  const again = place(
    '(allow file-read* (literal "/opt/bun") (literal "/Users/me/.pincer/notes.js") (literal "/Users/me/.pincer/notes.js.jsc") (subpath "/private/tmp/run/code") (subpath "/Users/me/.pincer/skills"))',
  );
  const data = place('(allow file-read* file-write* (subpath "/Users/me/.pincer/data/notes") (subpath "/private/tmp/run/tmp"))');
  expect([hidden > shown, again > hidden, data > hidden]).toEqual([true, true, true]);
  expect(place('(allow file-write* (subpath "/Users/me/notes"))')).toBeLessThan(hidden);
});

test("no file that makes its owner of whoever runs it can be made", () => {
  expect(lines().at(-2)).toBe("(deny file-write-setugid)");
});

test("without a network only the declared sockets are reached", () => {
  expect(lines().filter((line) => line.includes("network"))).toEqual([
    '(allow network-outbound (remote unix-socket (path-literal "/private/var/run/docker.sock")))',
  ]);
});

test("with one, the one port of the bridge", () => {
  expect(lines({ sockets: [] }, 4321).filter((line) => line.includes("network"))).toEqual([
    '(allow network-bind network-inbound (local ip "localhost:4321"))',
    '(allow network-outbound (remote ip "localhost:4321"))',
  ]);
});

test("a path cannot end its own string", () => {
  expect(lines({ read: ['/Users/a"b\\c'] }).join("\n")).toContain('(subpath "/Users/a\\"b\\\\c")');
});
