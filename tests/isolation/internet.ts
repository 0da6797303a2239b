/** What stands for the internet: names with public addresses, behind which servers of this machine's loopback answer. */
import { type AddressInfo, createServer } from "node:net";

/** Name -> where it leads, each time that it is asked. */
const NAMES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "api.example.com": [["93.184.216.34"]],
  "moving.example.com": [["93.184.216.34"], ["10.0.0.9"]],
  "both.wild.example": [["93.184.216.34", "10.0.0.1"]],
  "door.example.com": [["93.184.216.37"]],
};

export function startInternet(gatewayPort: number) {
  const asked = new Map<string, number>();
  const resolved: string[] = [];
  const dials: string[] = [];
  const shouts = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => socket.write(String(chunk).toUpperCase()));
  }).listen(0, "127.0.0.1");
  const door = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => Response.redirect(request.url.endsWith("/gateway") ? `http://127.0.0.1:${gatewayPort}/` : "http://10.0.0.1/"),
  });
  return {
    rules: ["api.example.com:443", "*.wild.example:80", "*.wild.example:443", "moving.example.com:443", "door.example.com:80"],
    resolved,
    dials,
    resolve: async (name: string): Promise<readonly string[]> => {
      resolved.push(name);
      const times = asked.get(name) ?? 0;
      asked.set(name, times + 1);
      const answers = NAMES[name] ?? [];
      return answers[Math.min(times, answers.length - 1)] ?? [];
    },
    dialled(address: string, port: number) {
      dials.push(`${address}:${port}`);
      return { hostname: "127.0.0.1", port: address === "93.184.216.37" ? door.port! : (shouts.address() as AddressInfo).port };
    },
    async [Symbol.asyncDispose]() {
      shouts.close();
      await door.stop(true);
    },
  };
}
