/** What a program that is started here sees of the environment: what leads to files and to other machines, and nobody's keys. */

const names = ["PATH", "HOME", "USER", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];
const proxies = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

export const environmentWith = (more: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...names, ...proxies, ...more].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
