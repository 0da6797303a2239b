import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { connect } from "./client.ts";
import { type Run, usageError } from "./command.ts";

export const call: Run = async ({ args, flags, home, terminal }) => {
  const [method = "", params] = args;
  const seconds = Number(flags["timeout"] ?? 30);
  if (!(seconds >= 0)) throw usageError("--timeout needs a number of seconds");
  using client = await connect(home, [], true);
  const answer = await client.call(method, params === undefined ? undefined : jsonOf(parseJson5(params)), {
    expectFinal: flags["expect-final"] === true,
    timeoutMs: seconds * 1000,
  });
  terminal.print(JSON.stringify(answer, null, 2));
  return EXIT.done;
};
