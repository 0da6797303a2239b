/** What confines a plugin's process: what it is told, and what it makes of that. */

/** What a plugin may touch, with everything resolved: absolute paths, plain host:port rules. */
export interface Confinement {
  readonly plugin: string;
  /** The Bun that runs it, absolute. */
  readonly bun: string;
  /** The one file that it is started with, absolute, and its bytecode, where that lies beside it (`.jsc`); seen inside at a fixed path. */
  readonly entry: string;
  /** A folder, absolute, into which the plugin's code is put once that is made. */
  readonly code?: string;
  /** A folder (0700) of this one child, for what the confinement needs; not seen inside. */
  readonly run: string;
  /** The plugin's own folder for data, made 0700 beforehand; writable. */
  readonly data: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Binaries that it may execute, absolute. */
  readonly exec: readonly string[];
  /** Unix sockets that it may connect to. With none it can connect to none, wherever it lies. */
  readonly sockets: readonly string[];
  /** `host:port`, `*.host:port`, or `public`. */
  readonly net: readonly string[];
  readonly limits: { readonly memoryMb: number; readonly openFiles: number; readonly processes: number };
  /** Folders that stay unseen inside the declared ones, such as the gateway's home. What is declared inside one of these is seen. */
  readonly hidden?: readonly string[];
}

export interface Confined {
  /** Ends with the entry: what is appended reaches the plugin's `process.argv`. Descriptor 3 is handed on. */
  readonly command: readonly string[];
  /** The whole environment of the command: nothing of the gateway's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Its folders for code and data, as the plugin sees them. */
  readonly code: string;
  readonly data: string;
  /** Where clients find the bridge that needs a port of its own. */
  readonly proxyPort?: number;
}

/** Throws `PLUGIN_UNCONFINABLE` for what no confinement can give. */
export type Confine = (what: Confinement) => Promise<Confined>;

export type FoundConfinement =
  | { readonly confine: Confine; readonly kind: "bubblewrap" | "sandbox-exec" }
  | { readonly missing: string; readonly mend: string };
