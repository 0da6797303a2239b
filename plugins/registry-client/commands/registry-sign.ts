/** `pincer registry sign`: adds signatures to what was prepared; it needs no registry, and no network. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { requireNothingElse } from "@pincer/registry/repository/nothing-else";
import { neededFor, parseStaged, signStaged, stagedFile } from "@pincer/registry/repository/staged";
import { addSignatures } from "@pincer/registry/trust/envelope";
import type { Signer } from "@pincer/registry/trust/key";
import { parseStatement } from "@pincer/registry/trust/statement";
import { clientErrors } from "../errors.ts";
import { readInput } from "./input-file.ts";
import { shortKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { signerFlags, signersIn, signerUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { shownStaged, stagedAnswer } from "./shown-staged.ts";

export const sign: CommandDefinition = {
  command: withFlags(
    {
      name: "registry sign",
      summary: "Sign what was prepared, or without --key show it: a change of a registry's keys, of a publisher's, or of whose a name is",
      usage: `<file> ${signerUsage}`,
    },
    {},
  ),
  async run(args, io) {
    const options = readOptions(args, signerFlags);
    const [file = ""] = options.words;
    const bytes = readInput(file, "what pincer registry stage has written, or --write");
    const signers = signersIn(options);
    const kind = kindOf(bytes);
    if (kind === undefined)
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        `${resolve(file)}: expected what pincer registry stage has written, or --write, came something else`,
      );
    const { next, answer, shown } = kind === "staged" ? signedStage(bytes, file, signers) : signedStatement(kind, bytes, signers);
    if (signers.length > 0) writeFileSync(resolve(file), next);
    const title = signers.length === 0 ? file : `${dot("good")} signed ${file} with ${signers.map(keyOf).map(shortKey).join(", ")}`;
    io.result({ ok: true, file, ...answer }, `${title}\n${shown}`);
    return 0;
  },
};

const keyOf = ({ json }: Signer): string => json.keyval.public;

function kindOf(bytes: Uint8Array): "staged" | "transfer" | "rekey" | undefined {
  try {
    const { _type, signed } = JSON.parse(Buffer.from(bytes).toString("utf8"));
    const found = _type ?? signed?._type;
    return found === "staged" || found === "transfer" || found === "rekey" ? found : undefined;
  } catch {
    // silent-ok: that it is no JSON is the answer
    return undefined;
  }
}

function signedStage(bytes: Uint8Array, file: string, signers: readonly Signer[]) {
  const staged = parseStaged(bytes);
  requireNothingElse(staged);
  const may = neededFor(staged).flatMap(({ keys }) => keys.map(({ id }) => id));
  const other = signers.find(({ id }) => !may.includes(id));
  if (other) throw clientErrors.REGISTRY_CLIENT_USAGE(`the key ${shortKey(keyOf(other))} is none of those that sign this`);
  const signed = signStaged(staged, signers);
  return { next: stagedFile(signed), answer: stagedAnswer(signed), shown: shownStaged(signed, file) };
}

function signedStatement(kind: "transfer" | "rekey", bytes: Uint8Array, signers: readonly Signer[]) {
  const statement = addSignatures(parseStatement(kind, bytes), signers);
  const { signed } = statement;
  const what =
    signed._type === "transfer"
      ? `${signed.id} goes from ${signed.from} to ${signed.to} (${signed.keys.map(shortKey).join(", ")})`
      : `${signed.publisher} signs with ${signed.threshold} of ${signed.keys.map(shortKey).join(", ")}`;
  return {
    next: JSON.stringify(statement),
    answer: { signed, signatures: statement.signatures.length },
    shown: `  says         ${what}, until ${signed.expires}\n  signed       by ${statement.signatures.length}`,
  };
}
