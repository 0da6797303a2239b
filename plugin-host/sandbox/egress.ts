import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Admission } from "./rules.ts";
export interface EgressOptions {
  readonly path: string;
  admits(host: string, port: number): Admission;
  readonly clock: Clock;
  readonly limits: { readonly connections: number; readonly connectMs: number };
  told(event: { readonly host: string; readonly port: number; readonly admitted: boolean; readonly why?: string }): void;
}
export async function serveEgress(_: EgressOptions): Promise<AsyncDisposable> {
  return { async [Symbol.asyncDispose]() {} };
}
