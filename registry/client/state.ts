/** What a client has come to trust, kept so that nobody can show it something older later. A file is written whole or not at all. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface TrustState {
  /** Undefined when nothing is kept under that name. */
  read(role: string): Uint8Array | undefined;
  write(role: string, bytes: Uint8Array): void;
  remove(role: string): void;
}

/** In a folder of its own, which is made when it is first needed. */
export function createTrustState(folder: string): TrustState {
  const file = (role: string) => join(folder, `${role}.json`);
  const unfinished = /\.json\.\d+$/;
  let isSwept = false;
  return {
    read(role) {
      try {
        return readFileSync(file(role));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    write(role, bytes) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      // Left by one that was ended in the middle.
      if (!isSwept) for (const name of readdirSync(folder)) if (unfinished.test(name)) rmSync(join(folder, name), { force: true });
      isSwept = true;
      const next = `${file(role)}.${process.pid}`;
      writeFileSync(next, bytes, { flush: true });
      renameSync(next, file(role));
    },
    remove: (role) => rmSync(file(role), { force: true }),
  };
}

/** For one look, of which nothing is kept. */
export function createKeptInMemory(): TrustState {
  const kept = new Map<string, Uint8Array>();
  return { read: (role) => kept.get(role), write: (role, bytes) => void kept.set(role, bytes), remove: (role) => void kept.delete(role) };
}
