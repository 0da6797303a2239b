import { expect, test } from "bun:test";
import { hostsOf, reaches } from "./permissions.ts";

const isReached = async (written: string, address: string): Promise<boolean> => {
  const hosts = await hostsOf("secret:HOST", {}, async () => written);
  return hosts.some((host) => reaches(host, new URL(address)));
};

test.each([
  ["http://127.0.0.1:8080", "http://127.0.0.1:8080/api"],
  ["box", "http://box:11434"],
  ["box:99", "http://box:99"],
  // As servers are told where to listen, which is where they are reached from this machine.
  ["0.0.0.0", "http://127.0.0.1:11434"],
  ["0.0.0.0:8080", "http://127.0.0.1:8080"],
  ["http://0.0.0.0:8080", "http://127.0.0.1:8080"],
  [":1234", "http://127.0.0.1:1234"],
  ["::", "http://[::1]:11434"],
  ["[::]:80", "http://[::1]"],
  ["::1", "http://[::1]:11434"],
])("the operator's %p leads to %p", async (written, address) => {
  expect(await isReached(written, address)).toBe(true);
});

test.each([
  ["0.0.0.0:8080", "http://127.0.0.1:8081"],
  ["0.0.0.0", "http://10.0.0.1"],
  [":1234", "http://127.0.0.1:80"],
  ["http://127.0.0.1:8080", "http://127.0.0.1:80"],
  ["box:99", "http://box:98"],
  ["file:///etc", "http://127.0.0.1"],
  ["", "http://127.0.0.1"],
])("%p does not lead to %p", async (written, address) => {
  expect(await isReached(written, address)).toBe(false);
});
