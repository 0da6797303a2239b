import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Json, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { connect } from "./client.ts";
import { type Run, usageError } from "./command.ts";

export const call: Run = async ({ args, flags, home, terminal }) => {
  const [method = "", text] = args;
  const seconds = Number(flags["timeout"] ?? 30);
  if (!(seconds >= 0)) throw usageError("--timeout needs a number of seconds");
  let params: Json | undefined;
  try {
    params = text === undefined ? undefined : jsonOf(parseJson5(text));
  } catch (error) {
    throw usageError(`[params]: ${errorMessage(error)}`);
  }
  using client = await connect(home, [], true);
  const answer = await client.call(method, params, {
    expectFinal: flags["expect-final"] === true,
    timeoutMs: seconds * 1000,
  });
  terminal.print(JSON.stringify(answer, null, 2));
  return EXIT.done;
};
