/** The home's private files, each 0600: the key that no database holds, and the shared token. Subkeys are derived, one for each purpose. */
import { chmod, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import { randomToken } from "@pincer/plugin-sdk/tokens";
import { makeFile, replaceFile } from "../../store/private-file.ts";

export interface SecretsKey {
  /** Public: it names the key in the store, so that a lost one is recognised. */
  readonly id: string;
  readonly bytes: Buffer;
}

export type Keys = Awaited<ReturnType<typeof openKeys>>;

const hmac = (key: Buffer): Bun.CryptoHasher => new Bun.CryptoHasher("sha256", key);

/** HKDF with SHA-256 and no salt (RFC 5869), one block of 32 bytes. */
export const subkey = (root: Buffer, purpose: string): Buffer =>
  hmac(hmac(Buffer.alloc(32)).update(root).digest())
    .update(`${purpose}\u0001`)
    .digest();

/** The file's parsed text. A missing one is made; one that does not parse is moved aside and made anew, so that the gateway serves on. */
async function readOrMake<T>(path: string, make: () => string, parse: (text: string) => T | undefined, log: Logger): Promise<T> {
  for (;;) {
    try {
      const { mode, mtimeMs } = await stat(path);
      if ((mode & 0o077) !== 0) {
        await chmod(path, 0o600);
        log.warn("keys.permissions-tightened", { path });
      }
      const parsed = parse(await readFile(path, "utf8"));
      if (parsed !== undefined) return parsed;
      const moved = `${path}.damaged-${Math.trunc(mtimeMs)}`;
      await rename(path, moved);
      log.error("keys.damaged", { path, moved, next: "restore it from a backup; until then a new one is used" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    await makeFile(path, make());
  }
}

const isKey = (value: unknown): value is string => typeof value === "string" && Buffer.from(value, "base64url").length === 32;

function parseKeyFile(text: string): { root: string; secrets: string[] } | undefined {
  try {
    const { root, secrets } = JSON.parse(text);
    return isKey(root) && Array.isArray(secrets) && secrets.length > 0 && secrets.every(isKey) ? { root, secrets } : undefined;
  } catch {
    return undefined; // silent-ok: the caller moves it aside and says so
  }
}

function secretsKey(text: string): SecretsKey {
  const bytes = Buffer.from(text, "base64url");
  return { id: new Bun.CryptoHasher("sha256").update("pincer secrets key").update(bytes).digest("hex").slice(0, 12), bytes };
}

/** Opens the key and token files of a home, and makes what is missing. */
export async function openKeys(home: string, log: Logger) {
  const keyPath = join(home, "key");
  const newFile = () => JSON.stringify({ root: randomToken(), secrets: [randomToken()] });
  const { root, secrets: found } = await readOrMake(keyPath, newFile, parseKeyFile, log);
  let secrets = found;
  const save = async (next: string[]) => {
    await replaceFile(keyPath, JSON.stringify({ root, secrets: next }));
    secrets = next;
  };
  return {
    keyPath,
    /** Where the audit log's head is anchored. */
    anchorPath: join(home, "audit.anchor"),
    /** The shared token of the token file. */
    token: await readOrMake(join(home, "token"), randomToken, (text) => text.trim() || undefined, log),
    /** 32 bytes for one purpose, of the kernel's own or of a plugin's, whose id has no space in it. */
    derive: (purpose: "audit" | "config" | `plugin:${string} ${string}`) => subkey(Buffer.from(root, "base64url"), `pincer ${purpose}`),
    /** The newest, which encrypts, is last; more than one only while a rotation is under way. */
    secretsKeys: () => secrets.map(secretsKey) as [SecretsKey, ...SecretsKey[]],
    async addSecretsKey(): Promise<SecretsKey> {
      await save([...secrets, randomToken()]);
      return secretsKey(secrets.at(-1) as string);
    },
    /** Forgets every secrets key but the newest and those still in use. */
    retireSecretsKeys: (inUse: ReadonlySet<string>): Promise<void> =>
      save(secrets.filter((text, index) => index === secrets.length - 1 || inUse.has(secretsKey(text).id))),
  };
}
