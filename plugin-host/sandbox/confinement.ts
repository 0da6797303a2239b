/** What a plugin may touch, with everything resolved: absolute paths, plain host:port rules. */
export interface Confinement {
  readonly plugin: string;
  readonly bun: string;
  readonly entry: string;
  readonly run: string;
  readonly data: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly exec: readonly string[];
  readonly sockets: readonly string[];
  readonly net: readonly string[];
  readonly limits: { readonly memoryMb: number; readonly openFiles: number; readonly processes: number };
}
export interface Confined {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly inside: { readonly data: string; readonly run: string };
}
export type Confine = (what: Confinement) => Promise<Confined>;
export type Finding =
  | { readonly confine: Confine; readonly kind: "bubblewrap" | "sandbox-exec" }
  | { readonly missing: string; readonly mend: string };
export const findConfinement = async (): Promise<Finding> => ({ missing: "nothing yet", mend: "wait" });
