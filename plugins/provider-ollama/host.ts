/** `OLLAMA_HOST` as Ollama itself reads it: an address or a name, with or without scheme, port and path. */

const USUAL_PORT = "11434";
const PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** Where a server is that listens on all interfaces, as seen from its own machine. */
const REACHED: Readonly<Record<string, string>> = { "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]" };

export function ollamaOrigin(host: string | undefined): string {
  const value = (host?.trim() ?? "").replace(/^ollama\.com$/i, "https://ollama.com");
  const [, given, rest = value] = /^(https?):\/\/(.*)$/i.exec(value) ?? [];
  const scheme = given?.toLowerCase();
  const slash = rest.indexOf("/");
  const [place, path] = slash < 0 ? [rest, ""] : [rest.slice(0, slash), rest.slice(slash).replace(/\/+$/, "")];
  // An IPv6 address may come without its brackets, and then has no port.
  const [, name = "", port = ""] = /^[^[]*:.*:/.test(place) ? [place, `[${place}]`] : (/^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(place) ?? []);
  const isPort = /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
  const usual = scheme === undefined ? USUAL_PORT : PORTS[scheme];
  return `${scheme ?? "http"}://${REACHED[name] ?? name}:${isPort ? port : usual}${path}`;
}

/** Ollama's own service, which takes the key that is meant for it. */
export const isOllamaCloud = (origin: string): boolean => URL.parse(origin)?.hostname === "ollama.com";
