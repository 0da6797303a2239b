import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";
import { notesOn } from "./notes.ts";

const weather = { id: "weather", origin: "installed", permissions: { secrets: ["WEATHER_KEY", "MAP_*"] } };
const chosen = { id: "chosen", origin: "installed", permissions: { secrets: ["config:/key"] } };
const agent = { id: "agent", origin: "embedded", permissions: {} };
const plugins = [weather, chosen, agent];
const notes = (name: string, plugin: string, granted = true) => notesOn({ name, plugin, granted }, ["WEATHER_KEY", "MAP_KEY"], plugins);

test("a grant that does what it says needs no further word", () => {
  for (const [name, plugin] of [["WEATHER_KEY", "weather"] as const, ["MAP_KEY", "weather"] as const, ["MAP_KEY", "chosen"] as const])
    expect(notes(name, plugin)).toEqual([]);
  expect(notes("NOTHING", "nobody", false)).toEqual([]);
});

test("what is not there yet is said, with a near name, and that the grant holds once it is", () => {
  expect(notes("MAP_KEYS", "weather")).toEqual([
    'there is no secret MAP_KEYS yet (the grant holds as soon as there is: pincer secrets set MAP_KEYS); did you mean "MAP_KEY"?',
  ]);
  expect(notes("WEATHER_KEY", "wether")).toEqual([
    'there is no plugin "wether" yet (the grant holds for whatever is installed under that name); did you mean "weather"?',
  ]);
  expect(notesOn({ name: "A", plugin: "b", granted: true }, ["A"], undefined)).toEqual([]);
});

test("where a grant changes nothing, that is said", () => {
  expect(notesOn({ name: "OTHER", plugin: "weather", granted: true }, ["OTHER"], plugins)).toEqual([
    "weather does not ask for it: its manifest names WEATHER_KEY, MAP_*",
  ]);
  for (const granted of [true, false])
    expect(notes("MAP_KEY", "agent", granted)).toEqual(["agent is part of Pincer: it asks for no secret, and no grant changes that"]);
});

test("pincer secrets grant says it, and a grant made before holds once the secret is there", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const { code, out } = await home.pincer(["secrets", "grant", "LAB_KEY", "lab"]);
  expect({ code, lines: out.trimEnd().split("\n") }).toEqual({
    code: 0,
    lines: [
      "lab may read LAB_KEY",
      "  there is no secret LAB_KEY yet (the grant holds as soon as there is: pincer secrets set LAB_KEY)",
      '  there is no plugin "lab" yet (the grant holds for whatever is installed under that name)',
    ],
  });
  await home.pincer(["secrets", "set", "LAB_KEY"], { stdin: "value" });
  expect(await home.json(["call", "secrets.grants"])).toMatchObject({ grants: [{ name: "LAB_KEY", plugin: "lab" }] });
  expect(await home.json(["secrets", "grant", "LAB_KEY", "provider-openai"])).toEqual({
    ...{ name: "LAB_KEY", plugin: "provider-openai", granted: true },
    notes: ["provider-openai is part of Pincer: it reads the secrets that its manifest names, and no grant changes that"],
  });
  expect((await home.pincer(["secrets", "revoke", "LAB_KEY", "provider-openai"])).out).toMatch(/^provider-openai is part of Pincer: /);
}, 120_000);
