/** What is done to a gateway, as data: a round can be kept, cut down, and done again. */

export type Move =
  /** `hello`: the scopes to ask for; absent: nothing is said after the upgrade. `tcp`: not even an upgrade is asked for. */
  | { readonly do: "open"; readonly socket: number; readonly kind: "ws" | "tcp"; readonly hello?: readonly string[] }
  /** A text frame. `TOKEN` in it stands for the gateway's. */
  | { readonly do: "text"; readonly socket: number; readonly text: string }
  /** Bytes as they are, as latin1. */
  | { readonly do: "bytes"; readonly socket: number; readonly bytes: string }
  /** A sound request; everything before it has been read when it is answered. */
  | { readonly do: "fence"; readonly socket: number }
  | { readonly do: "end"; readonly socket: number; readonly how: "close" | "reset" | "half" }
  /** A configuration is written over the wire, and then taken back. */
  | { readonly do: "configure"; readonly method: string; readonly raw: string };

export const tokenMark = "TOKEN";
