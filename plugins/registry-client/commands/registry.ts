/** `pincer registry`: for those who publish, and for those who host. */
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { createSigner } from "@pincer/registry/trust/key";
import { told } from "../errors.ts";
import { passphraseOf, writeKeys } from "./keys.ts";
import { readOptions } from "./options.ts";
import { apply } from "./registry-apply.ts";
import { exportRegistry } from "./registry-export.ts";
import { withFlags } from "./registry-flags.ts";
import { grant } from "./registry-grant.ts";
import { init } from "./registry-init.ts";
import { mirror } from "./registry-mirror.ts";
import { publish } from "./registry-publish.ts";
import { rekey } from "./registry-rekey.ts";
import { renew } from "./registry-renew.ts";
import { revoke } from "./registry-revoke.ts";
import { serve } from "./registry-serve.ts";
import { sign } from "./registry-sign.ts";
import { stage } from "./registry-stage.ts";
import { status } from "./registry-status.ts";
import { token } from "./registry-token.ts";
import { transfer } from "./registry-transfer.ts";
import { verify } from "./registry-verify.ts";
import { tag, yank } from "./registry-yank.ts";

/** A publisher's key. Who has it can publish in that name, so it is never written over, nor sent anywhere. */
const keygen: CommandDefinition = {
  command: withFlags({
    name: "registry keygen",
    summary: "Make the key with which a publisher signs",
    usage: "<file> [--passphrase-file <file>]",
    family: "Registries: keys, publishing, hosting, mirrors",
  }),
  async run(args, io) {
    const options = readOptions(args, ["--passphrase-file"]);
    const file = resolve(options.words[0] ?? "");
    const { signer, pem } = createSigner(passphraseOf(options));
    writeKeys(file, signer, pem);
    const key = signer.json.keyval.public;
    io.result({ ok: true, file, key }, `${file}: keep it secret and safe\n  public key  ${key}`);
    return 0;
  },
};

export const registryCommands: readonly CommandDefinition[] = [
  keygen,
  init,
  serve,
  publish,
  token,
  grant,
  yank,
  tag,
  rekey,
  transfer,
  revoke,
  status,
  renew,
  stage,
  sign,
  apply,
  verify,
  mirror,
  exportRegistry,
].map(({ command, run }) => ({
  command,
  run: (args, io) => told(() => run(args, io)),
}));
