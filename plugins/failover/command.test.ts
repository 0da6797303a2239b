import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";

test("pincer models auth: keys are piped in, listed without their values, ordered, tested with the vendor, and forgotten", async () => {
  await using vendor = startOpenAiVendor({ lists: (key) => (key === "sk-work-1" ? 200 : 401) });
  await using home = createCliHome();
  const auth = (words: string, stdin?: string) =>
    home.pincer(["models", "auth", ...words.split(" ")], stdin === undefined ? {} : { stdin });
  const lab = { baseUrl: `${vendor.origin}/v1`, key: { secret: "LAB_KEY" }, models: ["one"] };
  await home.pincer(["config", "set", "plugins.provider-openai", JSON.stringify({ enabled: true, config: { endpoints: { lab } } })]);
  await home.pincer(["up"]);
  for (const words of ["list", "login copilot:me", "add lab:work"])
    expect(await auth(words, "sk-1")).toMatchObject({
      code: 1,
      err: expect.stringContaining("not enabled: pincer plugins enable failover"),
    });
  expect((await home.pincer(["plugins", "enable", "failover"])).code).toBe(0);

  expect((await auth("list")).out).toBe("none; pincer models auth add <provider>:<name> keeps one\n");
  expect(await auth("add lab:work", "sk-work-1\n")).toMatchObject({
    code: 0,
    out: expect.stringContaining("lab:work is kept as api-key, encrypted"),
  });
  expect((await auth("add lab:old priority=5", "sk-old-2")).code).toBe(0);
  const listed = await auth("list");
  expect(listed.out).toMatch(
    /^profile .*state\nlab:old {3}api-key +5 {2}never used {2}active\nlab:work {2}api-key +0 {2}never used {2}active/,
  );
  expect(listed.out + (await home.pincer(["logs"])).out).not.toContain("sk-");

  expect((await auth("order lab lab:work")).out).toBe("lab is tried in this order: lab:work, lab:old\n");
  const tested = await auth("test");
  expect(tested.code).toBe(1);
  expect(tested.out).toMatch(/lab:work is taken \(\d+ ms\)/);
  expect(tested.out).toMatch(/lab:old is not taken \(\d+ ms\): the list is answered with 401/);
  expect(await home.json(["models", "auth", "list", "lab"])).toMatchObject({ profiles: [{ name: "lab:work" }, { name: "lab:old" }] });

  // Without a type it is the first that the provider takes.
  expect((await home.pincer(["plugins", "enable", "provider-copilot"])).code).toBe(0);
  expect((await auth("add copilot:me", "gho_1")).out).toContain("copilot:me is kept as token, encrypted");
  expect((await auth("logout copilot:me")).code).toBe(0);

  expect((await auth("logout lab:old")).out).toBe("forgotten: lab:old\n");
  expect(await home.json(["secrets", "list"])).toMatchObject([{ name: expect.stringMatching(/^AUTH_PROFILE_LAB_WORK_/) }]);

  expect(await auth("add nowhere:x", "k")).toMatchObject({
    code: 1,
    err: expect.stringContaining('no provider that is enabled serves "nowhere"'),
  });
  expect((await auth("add lab:aws type=aws-sdk")).err).toContain("takes no profile of the type aws-sdk; it takes: api-key, oauth, token");
  expect(await auth("add lab:x", "")).toMatchObject({ code: 2, err: expect.stringContaining("nothing was given, and nothing kept") });
  expect((await auth("remove lab:x")).err).toContain('there is no "pincer models auth remove"');
  expect((await auth("add lab:x colour=red", "k")).err).toContain('"colour" is no option');
  expect((await home.pincer(["models", "auth"])).code).toBe(2);
}, 120_000);
