/** What would run, or be believed, before anybody has looked at the code: scripts of an installation, settings of tools, links to other places. */
import { excerpt, found, objectIn, type Rule, type ScannedFile } from "../subject.ts";

const atInstall = /^(pre|post)?install$|^(pre|post)?prepare$|^dependencies$/;

export const installScripts: Rule = function* ({ files }) {
  for (const file of files.filter(({ path }) => /(^|\/)package\.json$/.test(path))) {
    const scripts = objectIn(file.text)?.["scripts"];
    if (typeof scripts !== "object" || scripts === null) continue;
    for (const [name, command] of Object.entries(scripts)) {
      if (!atInstall.test(name)) continue;
      yield found(
        "install-script",
        name.endsWith("install") ? "high" : "low",
        file,
        lineOf(file, `"${name}"`),
        `it wants to run ${excerpt(String(command))} when it is installed (${name}), which Pincer does not do`,
      );
    }
  }
};

export const foreignDependencies: Rule = function* ({ files }) {
  for (const file of files.filter(({ path }) => /(^|\/)package\.json$/.test(path))) {
    const json = objectIn(file.text) ?? {};
    for (const group of ["dependencies", "optionalDependencies", "peerDependencies"])
      for (const [name, from] of Object.entries((json[group] ?? {}) as Record<string, unknown>))
        if (typeof from === "string" && /^(git|https?:|ssh:|file:|link:|github:|gitlab:|bitbucket:)|^[\w-]+\/[\w.-]+(#|$)/.test(from))
          yield found(
            "foreign-dependency",
            "medium",
            file,
            lineOf(file, `"${name}"`),
            `it takes ${name} from ${excerpt(from)}, and not from the registry of packages, where it would be checked`,
          );
  }
};

const settings = /(^|\/)(\.npmrc|\.yarnrc(\.yml)?|bunfig\.toml|\.env(\.\w+)?|\.pnpmfile\.cjs|\.bashrc|\.profile)$/;

export const toolSettings: Rule = function* ({ files }) {
  for (const file of files) {
    if (!settings.test(file.path)) continue;
    const isLoading = /\b(preload|registry|_authToken|scripts-prepend|node-options)\b/.exec(file.text ?? "");
    yield found(
      "tool-settings",
      isLoading ? "high" : "medium",
      file,
      isLoading ? file.line(isLoading.index) : 0,
      isLoading
        ? `it brings settings of a tool that would load code or packages from elsewhere (${isLoading[0]})`
        : "it brings settings of a tool, which change what runs around it",
    );
  }
};

const lineOf = (file: ScannedFile, text: string): number => {
  const at = file.text?.indexOf(text) ?? -1;
  return at < 0 ? 0 : file.line(at);
};
