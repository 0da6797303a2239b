/** `pincer verify`: what is wrong with what is installed, also where no gateway runs. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Finding } from "../findings.ts";
import { isNotRunning } from "./backend.ts";

async function findingsOf(io: CommandIo): Promise<readonly Finding[]> {
  try {
    return ((await io.call("registry-client.check")) as { readonly findings: readonly Finding[] }).findings;
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    const { findingsOfHome } = await import("../home.ts");
    return findingsOfHome(io.home, io.signal).catch((fault) => [{ check: "packages", level: "error", detail: errorMessage(fault) }]);
  }
}

export const verify: CommandDefinition = {
  command: {
    name: "verify",
    summary: "Compare what is installed with pincer.lock, and say what nobody should run; ends with 1 when something is wrong",
    usage: "",
  },
  async run(_args, io) {
    const findings = await findingsOf(io);
    const isWrong = findings.some(({ level }) => level === "error");
    const rows = findings.flatMap(({ check, detail, mend }): [string, string][] => [
      [check, plainly(detail)],
      ...(mend === undefined ? [] : [["", `mend: ${plainly(mend)}`] as [string, string]]),
    ]);
    io.result({ ok: !isWrong, findings }, rows.length === 0 ? "nothing was installed" : columns(rows).join("\n"));
    return isWrong ? 1 : 0;
  },
};
