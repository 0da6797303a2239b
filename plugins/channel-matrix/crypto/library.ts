/** The crypto library of Matrix's own clients (vodozemac, in WebAssembly), loaded once in a process. */
import * as library from "@matrix-org/matrix-sdk-crypto-wasm";
import { packedLibrary } from "./packed.ts" with { type: "macro" };

/** What its own loader calls, which would look for the WebAssembly beside its file. */
interface Bindings {
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
}
const MODULE = "./matrix_sdk_crypto_wasm_bg.js";

async function load(): Promise<typeof library> {
  const bytes = Bun.zstdDecompressSync(Buffer.from(packedLibrary(), "base64"));
  const { instance } = await WebAssembly.instantiate(bytes as Uint8Array<ArrayBuffer>, {
    [MODULE]: library as unknown as WebAssembly.ModuleImports,
  });
  (library as unknown as Bindings).__wbg_set_wasm(instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
  return library;
}

/** By a class of it: another generation of the plugin in the same process may have the same module, whose objects a second loading would break. */
const shared = globalThis as unknown as Record<symbol, WeakMap<object, Promise<typeof library>> | undefined>;
const LOADED = Symbol.for("pincer.matrix.library");

export function loadLibrary(): Promise<typeof library> {
  const loaded = shared[LOADED] ?? new WeakMap();
  shared[LOADED] = loaded;
  const loading = loaded.get(library.OlmMachine) ?? load();
  loaded.set(library.OlmMachine, loading);
  return loading;
}
