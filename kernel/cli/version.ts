import { EXIT } from "@pincer/plugin-sdk/command/exit";
import kernel from "../package.json" with { type: "json" };
import type { Run } from "./command.ts";

export const version: Run = async ({ terminal }) => {
  const platform = `${process.platform}-${process.arch}`;
  terminal.result({ pincer: kernel.version, bun: Bun.version, platform }, `pincer ${kernel.version}  bun ${Bun.version}  ${platform}`);
  return EXIT.done;
};
