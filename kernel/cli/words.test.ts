/** What the gateway refuses is said in the words that somebody typed, with what to type next. */
import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";

const fitting = (text: string | RegExp) => (typeof text === "string" ? text : expect.stringMatching(text));

test("what is not known is answered with a near name and with the command that lists the names", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await home.pincer(["secrets", "set", "LAB_TOKEN"], { stdin: "value" });
  await home.pincer(["chat", "hello"]);
  for (const [words, message, next] of [
    ["plugins inspect agentt", 'there is no plugin "agentt"; did you mean "agent"?', "pincer plugins list"],
    ["plugins reload nobody-at-all", 'there is no plugin "nobody-at-all"', "pincer plugins list"],
    ["plugins enable toolsfiles", 'there is no plugin "toolsfiles"; did you mean "tools-files"?', "pincer plugins list"],
    ["plugins disable toolsfiles", 'there is no plugin "toolsfiles"; did you mean "tools-files"?', "pincer plugins list"],
    ["config get gateway.prt", 'nothing is set at gateway.prt; did you mean "gateway.port"?', "pincer config get"],
    ["call sessions.lst", 'unknown method: sessions.lst; did you mean "sessions.list"?', /a plugin that is off would answer it/],
    ["channels status telegrm", 'no plugin here has the channel "telegrm"; did you mean "telegram"?', undefined],
    ["models list dem", /^no provider that is on is called "dem"; did you mean "demo"; docs/, undefined],
    ["secrets delete LAB_TOKE", 'there is no secret LAB_TOKE; did you mean "LAB_TOKEN"?', "pincer secrets list"],
    ["sessions show agent:main:mian", 'there is no session agent:main:mian; did you mean "agent:main:main"?', "pincer sessions list"],
    ["sessions delete agent:main:mian", 'there is no session agent:main:mian; did you mean "agent:main:main"?', "pincer sessions list"],
    [
      "devices approve nope",
      "no device asks to come in under nope: the request was answered or replaced, or is too old",
      "pincer devices list",
    ],
    ["devices remove nope", "no device nope is paired", "pincer devices list"],
    [
      "pairing approve NOPE2345",
      'nobody who waits has the code "NOPE2345": a code holds for 60 min; pincer pairing list shows who waits',
      "pincer pairing list",
    ],
  ] as const)
    expect([words, await home.json(words.split(" "))]).toMatchObject([
      words,
      { ok: false, error: { message: fitting(message), ...(next && { next: fitting(next) }) } },
    ]);
}, 120_000);

test("a word that does not fit is named as it was typed, not as a method's parameter", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  for (const [words, said] of [
    ["sessions list --limit x", /^error --limit: expected integer of at least 1, came "x"\nnext {2}pincer sessions list \[options\]\n/],
    ["secrets set lower", /^error <NAME>: expected string like \S+, came "lower"\nnext {2}pincer secrets set <NAME>\n/],
    ["call sessions.list {", /^error \[params\]: line 1, column 2: .*\nnext {2}pincer call <method> \[params\]/],
    ["secrets delete lower", /^error <NAME>: expected string like \S+, came "lower"\nnext {2}pincer secrets delete <NAME>\n/],
    ["secrets grant lower agent", /^error <NAME>: expected string like \S+, came "lower"\nnext {2}pincer secrets grant <NAME> <plugin>\n/],
  ] as const) {
    const { code, err } = await home.pincer(words.split(" "));
    expect({ words, code }).toEqual({ words, code: 2 });
    expect(err).toMatch(said);
  }
  // Who names a method reads its parameters.
  expect((await home.pincer(["call", "sessions.list", '{"limit":0}'])).err).toContain("sessions.list params: at /limit");
  expect((await home.pincer(["plugins", "unlink", "x"])).err).toContain('did you mean "plugin unlink"?');
  expect((await home.pincer(["models", "nonsense"])).err).toMatch(/no command "models nonsense"\nnext {2}pincer models <\S*list\S*>\n/);
  expect((await home.pincer(["pairing", "list", "more"])).err).toContain('"more" is one argument too many');
}, 120_000);
