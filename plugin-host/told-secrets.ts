/** Secrets as plugins were told them: a provider asks for the same ones with every request, and behind each stand a grant and a cipher. */
import type { PluginHostDeps } from "./deps.ts";

/** A plugin may be permitted any name that begins in some way. */
const mostKept = 1_000;

export function createToldSecrets(ask: PluginHostDeps["secret"]) {
  const told = new Map<string, Promise<string | undefined>>();
  return {
    secret(name: string, plugin: string): Promise<string | undefined> {
      const key = `${plugin} ${name}`;
      const known = told.get(key);
      if (known) return known;
      if (told.size >= mostKept) told.clear();
      const asked = ask(name, plugin);
      told.set(key, asked);
      asked.catch(() => told.delete(key)); // silent-ok: who asked is told by the promise itself
      return asked;
    },
    /** One came or went, a grant did, or a plugin. */
    forget: (): void => told.clear(),
  };
}
