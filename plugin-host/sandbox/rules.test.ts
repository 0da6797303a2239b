import { describe, expect, test } from "bun:test";
import { parseAddress, parseHost, reachOf } from "@pincer/plugin-sdk/addresses";
import { admission, type RuleOptions } from "./rules.ts";

test.each([
  ["8.8.8.8", "public"],
  ["93.184.216.34", "public"],
  ["172.15.255.255", "public"],
  ["172.32.0.0", "public"],
  ["100.63.255.255", "public"],
  ["100.128.0.0", "public"],
  ["10.0.0.1", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.168.1.1", "private"],
  ["100.64.0.1", "private"],
  ["192.0.0.192", "private"],
  ["198.18.0.1", "private"],
  ["203.0.113.7", "private"],
  ["168.63.129.16", "private"],
  ["0.0.0.0", "never"],
  ["0.1.2.3", "never"],
  ["127.0.0.1", "never"],
  ["127.255.255.254", "never"],
  ["169.254.169.254", "never"],
  ["224.0.0.1", "never"],
  ["255.255.255.255", "never"],
  ["2606:4700::1", "public"],
  ["::", "never"],
  ["::1", "never"],
  ["::7f00:1", "never"],
  ["fe80::1", "never"],
  ["fec0::1", "never"],
  ["ff02::1", "never"],
  ["fd00:ec2::254", "private"],
  ["2001:db8::1", "private"],
  ["2001::1", "private"],
  ["64:ff9b:1::1", "never"],
  ["::ffff:127.0.0.1", "never"],
  ["::ffff:10.0.0.1", "private"],
  ["::ffff:8.8.8.8", "public"],
  ["64:ff9b::10.0.0.1", "private"],
  ["64:ff9b::127.0.0.1", "never"],
  ["64:ff9b::8.8.8.8", "public"],
  ["2002:7f00:1::", "never"],
  ["2002:c0a8:101::1", "private"],
  ["2002:808:808::1", "public"],
] as const)("%s is %s", (text, reach) => {
  const address = parseAddress(text);
  expect(address && reachOf(address)).toBe(reach);
});

test.each([
  "01.2.3.4",
  "1.2.3",
  "1.2.3.256",
  "0x7f.0.0.1",
  "1.2.3.4.5",
  "",
  "fe80::1%eth0",
  "::1::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "::12345",
  "[::1]",
  "::1.2.3.400",
])("%p is no address as addresses are written", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "a.0x10",
  "a..b",
  ".",
  "",
  "-a.com",
  "a-.com",
  "ä.com",
  "a b",
  "a\0.com",
  "[127.0.0.1]",
  "::1",
  "x".repeat(64),
  "a/b",
  "user@host",
])("%p is neither a name nor an address", (text) => {
  expect(parseHost(text)).toBeUndefined();
});

const quiet: RuleOptions = { own: () => [] };
type Case = readonly [rules: readonly string[], host: string, port: number, addresses: readonly string[], expected: string];
/** What comes of a connection whose name leads to these addresses. */
function comesTo(rules: readonly string[], host: string, port: number, addresses: readonly string[] = [], options = quiet): string {
  const answer = admission(rules, options)(host, port);
  if (!answer.admitted) return answer.why;
  if ("addresses" in answer) return `dials ${answer.addresses.join(" ")}`;
  return answer.refuses(addresses) ?? "dials what it led to";
}
const PUBLIC = ["93.184.216.34"];
const undeclared = "not declared";
const dials = "dials what it led to";

describe("a name", () => {
  test.each<Case>([
    [["api.example.com:443"], "api.example.com", 443, PUBLIC, dials],
    [["api.example.com:443"], "API.Example.COM", 443, PUBLIC, dials],
    [["api.example.com:443"], "api.example.com.", 443, PUBLIC, dials],
    [["API.example.com.:443"], "api.example.com", 443, PUBLIC, dials],
    [["api.example.com:443"], "api.example.com", 80, PUBLIC, undeclared],
    [["api.example.com:443"], "api.example.com.evil.net", 443, PUBLIC, undeclared],
    [["api.example.com:443"], "evilapi.example.com", 443, PUBLIC, undeclared],
    [["api.example.com:443"], "example.com", 443, PUBLIC, undeclared],
    [["xn--bcher-kva.example:443"], "xn--bcher-kva.example", 443, PUBLIC, dials],
    [["bücher.example:443"], "xn--bcher-kva.example", 443, PUBLIC, undeclared],
    [["*.example.com:443"], "a.b.example.com", 443, PUBLIC, dials],
    [["*.example.com:443"], "example.com", 443, PUBLIC, undeclared],
    [["*.example.com:443"], "evilexample.com", 443, PUBLIC, undeclared],
    [["*.example.com:443"], "*.example.com", 443, PUBLIC, "neither a name nor an address, with a port"],
    [["api.*.example.com:443"], "api.eu-1.example.com", 443, PUBLIC, dials],
    [["api.*.example.com:443"], "api.a.b.example.com", 443, PUBLIC, undeclared],
    [["api.*.example.com:443"], "api.eu-1.example.com.evil.net", 443, PUBLIC, undeclared],
    [["api.*.example.com:443"], "api.eu-1.example.com", 443, ["10.0.0.1"], "the name leads to 10.0.0.1, which is not public"],
    [["public"], "anything.org", 8080, PUBLIC, dials],
    [[], "anything.org", 443, PUBLIC, undeclared],
    // what it leads to is judged, all of it
    [["api.example.com:443"], "api.example.com", 443, ["10.0.0.1"], "the name leads to 10.0.0.1, which is not public"],
    [["api.example.com:443"], "api.example.com", 443, [...PUBLIC, "127.0.0.1"], "the name leads to 127.0.0.1, which is not public"],
    [["*.example.com:443"], "a.example.com", 443, ["::ffff:192.168.1.1"], "the name leads to ::ffff:192.168.1.1, which is not public"],
    [["public"], "anything.org", 443, ["169.254.169.254"], "the name leads to 169.254.169.254, which is not public"],
    [["public"], "anything.org", 443, ["fe80::1%eth0"], "the name leads to fe80::1%eth0, which is no address"],
    [["public"], "anything.org", 443, [], "the name leads nowhere"],
    // names that can only be private may lead there, and never to this machine itself
    [["nas.local:443"], "nas.local", 443, ["192.168.1.5"], dials],
    [["box:8123"], "box", 8123, ["10.0.0.7"], dials],
    [["nas.local:443"], "nas.local", 443, ["127.0.0.1"], "the name leads to 127.0.0.1, which is not public"],
    [["*.lan:443"], "nas.lan", 443, ["192.168.1.5"], "the name leads to 192.168.1.5, which is not public"],
    [["public"], "nas.local", 443, ["192.168.1.5"], "the name leads to 192.168.1.5, which is not public"],
    // this machine by its name
    [["localhost:11434"], "localhost", 11434, [], "dials 127.0.0.1 ::1"],
    [["127.0.0.1:11434"], "localhost", 11434, [], undeclared],
    [["public"], "localhost", 80, PUBLIC, undeclared],
    [["public"], "x.localhost", 80, PUBLIC, undeclared],
    [["localhost:80"], "x.localhost", 80, PUBLIC, undeclared],
  ])("under %j, %s:%i that leads to %j: %s", (rules, host, port, addresses, expected) => {
    expect(comesTo(rules, host, port, addresses)).toBe(expected);
  });

  test("a name that the operator configured may lead into a private network, one of the plugin's author may not", () => {
    const options: RuleOptions = { ...quiet, configured: ["ha.example.com:443"] };
    const rules = ["ha.example.com:443", "api.example.com:443"];
    expect(comesTo(rules, "ha.example.com", 443, ["192.168.1.5"], options)).toBe(dials);
    expect(comesTo(rules, "ha.example.com", 443, ["127.0.0.1"], options)).toContain("not public");
    expect(comesTo(rules, "api.example.com", 443, ["192.168.1.5"], options)).toContain("not public");
  });

  test("this machine's own public address is not public", () => {
    const options: RuleOptions = { own: () => ["93.184.216.34", "2606:4700::1", "fe80::1%eth0"] };
    expect(comesTo(["public"], "anything.org", 443, PUBLIC, options)).toContain("not public");
    expect(comesTo(["public"], "anything.org", 443, ["2606:4700::1"], options)).toContain("not public");
    expect(comesTo(["public"], "93.184.216.34", 443, [], options)).toContain("not a public address");
    expect(comesTo(["public"], "anything.org", 443, ["8.8.8.8"], options)).toBe(dials);
  });
});

describe("an address", () => {
  test.each<readonly [rules: readonly string[], host: string, port: number, expected: string]>([
    [["127.0.0.1:11434"], "127.0.0.1", 11434, "dials 127.0.0.1"],
    [["127.0.0.1:11434"], "127.0.0.1", 11435, undeclared],
    [["127.0.0.1:11434"], "127.0.0.2", 11434, undeclared],
    [["127.0.0.1:80"], "[::ffff:127.0.0.1]", 80, "dials ::ffff:127.0.0.1"],
    [["[::1]:80"], "[::1]", 80, "dials ::1"],
    [["[::1]:80"], "[0:0:0:0:0:0:0:1]", 80, "dials 0:0:0:0:0:0:0:1"],
    [["[::1]:80"], "127.0.0.1", 80, undeclared],
    [["localhost:80"], "[::1]", 80, "dials 127.0.0.1 ::1"],
    [["192.168.1.5:8123"], "192.168.1.5", 8123, "dials 192.168.1.5"],
    [["169.254.169.254:80"], "169.254.169.254", 80, "dials 169.254.169.254"],
    [["public"], "8.8.8.8", 53, "dials 8.8.8.8"],
    [["public"], "[2606:4700::1]", 443, "dials 2606:4700::1"],
    [["public"], "127.0.0.1", 80, "not declared, and not a public address"],
    [["public"], "192.168.1.1", 80, "not declared, and not a public address"],
    [["public"], "[::ffff:127.0.0.1]", 80, "not declared, and not a public address"],
    [["public"], "[64:ff9b::7f00:1]", 80, "not declared, and not a public address"],
    [["public"], "[fe80::1]", 80, "not declared, and not a public address"],
    [["*.example.com:443"], "93.184.216.34", 443, undeclared],
    [["public"], "2130706433", 80, "neither a name nor an address, with a port"],
    [["public"], "0x7f.1", 80, "neither a name nor an address, with a port"],
    [["public"], "8.8.8.8", 0, "neither a name nor an address, with a port"],
    [["public"], "8.8.8.8", 65536, "neither a name nor an address, with a port"],
  ])("under %j, %s:%i: %s", (rules, host, port, expected) => {
    expect(comesTo(rules, host, port)).toBe(expected);
  });
});

test("the gateway's own port is the operator's alone to name, however it is written", () => {
  const rules = ["127.0.0.1:18789", "[::1]:18789", "localhost:18789", "192.168.1.5:18789", "own.local:18789", "api.example.com:18789"];
  const told = (configured: readonly string[], port = 18_789) => {
    const admits = admission([...rules, "127.0.0.1:80"], {
      configured,
      own: () => ["192.168.1.5", "fe80::1%eth0", "none"],
      gatewayPort: port,
    });
    const ask = (host: string) => admits(host, 18_789);
    const named = (host: string, leads: string) => {
      const admission = ask(host);
      return "refuses" in admission ? admission.refuses([leads]) === undefined : admission.admitted;
    };
    const literal = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "192.168.1.5"].map((host) => ask(host).admitted);
    return [...literal, named("own.local", "192.168.1.5"), named("own.local", "192.168.1.6"), named("api.example.com", "93.184.216.34")];
  };
  expect(told([])).toEqual([false, false, false, false, false, false, true, true]);
  expect(told(rules)).toEqual([true, true, true, true, true, true, true, true]);
  expect(told([], 18_790)).toEqual([true, true, true, true, true, true, true, true]);
  expect(admission(["127.0.0.1:80"], { gatewayPort: 18_789 })("127.0.0.1", 80).admitted).toBe(true);
});
