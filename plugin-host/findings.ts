/** What lets a plugin be enabled without being asked for: a variable, a setting, a secret, or a server of this machine that listens. */
import type { EnableWhen, Manifest } from "@pincer/plugin-sdk/manifest";

interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `isSet`: whether the file says anything at the dotted path. */
  readonly config: { isSet(path: string): boolean };
  readonly secrets: () => Promise<readonly string[]>;
}

/** A refusal comes at once, so that looking costs a start nothing. */
export const answers = (at: string): Promise<boolean> => {
  const [hostname = "", port = ""] = at.split(":");
  return Bun.connect({ hostname, port: Number(port), socket: { open: (socket) => void socket.end(), data: () => undefined } }).then(
    () => true,
    () => false,
  );
};

export function createFindings({ env, config, secrets }: Sources) {
  let names: ReadonlySet<string> = new Set();
  const listening = new Set<string>();
  return {
    found: ({ env: variables = [], config: paths = [], secrets: kept = [], listens = [] }: EnableWhen): boolean =>
      variables.some((name) => (env[name] ?? "") !== "") ||
      paths.some((path) => config.isSet(path)) ||
      kept.some((name) => names.has(name)) ||
      listens.some((at) => listening.has(at)),

    async readSecrets(): Promise<void> {
      names = new Set(await secrets());
    },

    /** Looks for the servers that manifests name. */
    async look(manifests: readonly (Manifest | undefined)[]): Promise<void> {
      const wanted = new Set(manifests.flatMap((manifest) => manifest?.enableWhen?.listens ?? []));
      await Promise.all([...wanted].map(async (at) => (await answers(at)) && listening.add(at)));
    },
  };
}
