/** `pincer registry`: for those who publish, and for those who host. */

import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { createSigner } from "@pincer/registry/trust/key";
import { clientErrors, shownError } from "../errors.ts";
import { grant } from "./registry-grant.ts";
import { init } from "./registry-init.ts";
import { mirror } from "./registry-mirror.ts";
import { publish } from "./registry-publish.ts";
import { renew } from "./registry-renew.ts";
import { revoke } from "./registry-revoke.ts";
import { serve } from "./registry-serve.ts";
import { token } from "./registry-token.ts";
import { transfer } from "./registry-transfer.ts";
import { verify } from "./registry-verify.ts";
import { yank } from "./registry-yank.ts";

/** A publisher's key. Who has it can publish in that name, so it is never written over, nor sent anywhere. */
const keygen: CommandDefinition = {
  command: {
    name: "registry keygen",
    summary: "Make the key with which a publisher signs",
    usage: "<file>",
    family: "Registries: keys, publishing, hosting, mirrors",
  },
  async run([name = ""], io) {
    const file = resolve(name);
    if (existsSync(file)) throw clientErrors.REGISTRY_CLIENT_FILE_EXISTS(`${file} is there already, and a key is not written over`);
    const { signer, pem } = createSigner();
    writeFileSync(file, pem, { mode: 0o600, flag: "wx" });
    const key = signer.json.keyval.public;
    io.print(io.json ? JSON.stringify({ ok: true, file, key }) : `${file}: keep it secret and safe\n  public key  ${key}`);
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
  revoke,
  transfer,
  renew,
  verify,
  mirror,
].map(({ command, run }) => ({
  command,
  run: (args, io) =>
    run(args, io).catch((error) => {
      throw shownError(error);
    }),
}));
