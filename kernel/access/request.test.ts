import { afterEach, expect, test } from "bun:test";
import {
  type AccessHome,
  admitted,
  type DoorOptions,
  doorAt,
  elsewhere,
  ownPage,
  secretOf,
  TestDevice,
  useHomes,
} from "../../tests/support/access-home.ts";
import type { RequestDecision } from "./decision.ts";

const { open } = useHomes(afterEach);
const request = (home: AccessHome, authorization?: string, { address, headers = {} }: DoorOptions = {}) => {
  const door = { ...(address ? { address } : {}), headers: { ...headers, ...(authorization ? { authorization } : {}) } };
  return home.access.request(doorAt(door));
};
const owner: RequestDecision = { ok: true, principal: "shared", scopes: ["operator.admin"] };
const unauthorized: RequestDecision = { ok: false, status: 401 };

test("the shared token or password is the owner's, from anywhere", async () => {
  const home = await open();
  for (const scheme of ["Bearer", "bearer", "Bearer "])
    expect(await request(home, `${scheme} ${home.keys.token}`, elsewhere)).toEqual(owner);
  home.settings = { ...home.settings, auth: { mode: "password", password: "open sesame" } };
  expect(await request(home, "Bearer open sesame")).toEqual(owner);
  expect(await request(home, `Bearer ${home.keys.token}`)).toEqual(unauthorized);
});

test("a device's token is good for the device's own scopes, until it is revoked", async () => {
  const home = await open();
  const device = new TestDevice();
  const { deviceToken } = await admitted(device.connect(home, { ...secretOf(home), scopes: ["operator.read"] }));
  const granted: RequestDecision = { ok: true, principal: device.id, scopes: ["operator.read"] };
  for (let n = 0; n < 20; n++) expect(await request(home, `Bearer ${deviceToken}`, elsewhere)).toEqual(granted);
  await home.call("device.token.revoke", { deviceId: device.id, role: "operator" });
  expect(await request(home, `Bearer ${deviceToken}`, elsewhere)).toEqual(unauthorized);
});

test("a node's token opens no HTTP door", async () => {
  const home = await open();
  const { deviceToken } = await admitted(new TestDevice().connect(home, { ...secretOf(home), role: "node" }));
  expect(await request(home, `Bearer ${deviceToken}`)).toEqual(unauthorized);
});

test("anything else is unauthorized", async () => {
  const home = await open();
  const device = new TestDevice();
  const bootstrapToken = await home.invite("full");
  const wrong = [undefined, "", "Bearer", "Bearer ", `Basic ${home.keys.token}`, home.keys.token, "Bearer x.y", `Bearer ${device.id}.`];
  for (const authorization of [...wrong, `Bearer ${bootstrapToken}`]) expect(await request(home, authorization)).toEqual(unauthorized);
});

test("in auth mode none, this machine and private networks need no token, but a stranger's page gets nothing", async () => {
  const home = await open({ auth: { mode: "none" } });
  expect(await request(home)).toEqual(owner);
  expect(await request(home, undefined, ownPage)).toEqual(owner);
  expect(await request(home, undefined, { address: "192.168.1.5" })).toEqual(owner);
  expect(await request(home, undefined, elsewhere)).toEqual(unauthorized);
  const pages: Readonly<Record<string, string>>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
  ];
  for (const headers of pages) expect(await request(home, undefined, { headers })).toEqual({ ok: false, status: 403 });
  const rebound = { origin: "http://evil.example", host: "evil.example" };
  expect(await request(home, undefined, { headers: rebound })).toEqual({ ok: false, status: 403 });
});

test("while no plugin tells devices apart, the owner comes in, and everybody else is told what is missing, and counted", async () => {
  const home = await open({ devices: false });
  expect(await request(home, `Bearer ${home.keys.token}`, elsewhere)).toEqual(owner);
  const missing = { ok: false, status: 503, message: expect.stringContaining("no plugin that works provides authenticator") };
  for (let n = 0; n < 10; n++) expect(await request(home, "Bearer guess", elsewhere)).toMatchObject(missing);
  expect(home.log.find(({ event }) => event === "access.bearer-not-judged")?.fields.error).toContain(
    "no enabled plugin provides authenticator",
  );
  expect(await request(home, "Bearer guess", elsewhere)).toMatchObject({ ok: false, status: 429 });
});
