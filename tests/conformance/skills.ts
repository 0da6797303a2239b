/** The methods about skills, whose results the published package leaves open. */
import { Type } from "@sinclair/typebox";
import type { MethodEntry } from "./entry.ts";
import { published } from "./published.ts";
import { count, flag, list, maybe, orNull, shape, text, time, word } from "./shapes.ts";

const words = list(text);
const ran = { ok: flag, message: word, stdout: text, stderr: text };
const requirements = shape({ bins: words, anyBins: words, env: words, config: words, os: words });
/** As the Control UI reads it, with what this gateway adds: `reasons`, `variables`, who may call it, the command of an installer. */
const SkillStatus = shape({
  ...{ name: word, description: text, source: word, bundled: flag, filePath: word, baseDir: word, skillKey: word },
  ...{ primaryEnv: maybe(word), emoji: maybe(word), homepage: maybe(word) },
  ...{ always: flag, disabled: flag, blockedByAllowlist: flag, eligible: flag, userInvocable: flag, modelInvocable: flag },
  ...{ requirements, missing: requirements, configChecks: list(shape({ path: word, satisfied: flag })) },
  ...{ install: list(shape({ id: word, kind: word, label: word, bins: words, command: word })), reasons: words, variables: words },
});

export const skillMethods: Readonly<Record<string, MethodEntry>> = {
  "skills.status": {
    scope: "operator.read",
    params: published("SkillsStatusParams"),
    result: shape({ workspaceDir: word, managedSkillsDir: word, agentId: word, skills: list(SkillStatus) }),
  },
  "skills.bins": { scope: "node", params: published("SkillsBinsParams"), result: published("SkillsBinsResult") },
  "skills.update": {
    scope: "operator.admin",
    params: published("SkillsUpdateParams"),
    result: shape({
      ...{ ok: Type.Literal(true), skillKey: word },
      config: Type.Union([
        shape({ enabled: maybe(flag), env: list(word) }),
        shape({
          source: Type.Literal("clawhub"),
          results: list(
            shape({ ok: Type.Literal(true), slug: word, version: word, previousVersion: word, changed: flag, targetDir: word }),
          ),
        }),
      ]),
    }),
  },
  "skills.install": {
    scope: "operator.admin",
    params: published("SkillsInstallParams"),
    result: Type.Union([
      shape({ ...ran, code: orNull(Type.Integer()), command: word }),
      // Of a skill, as the reference gateway answers it.
      shape({ ...ran, code: Type.Literal(0), slug: word, version: word, targetDir: word, warning: maybe(word) }),
    ]),
  },
  "skills.upload.begin": {
    scope: "operator.admin",
    params: published("SkillsUploadBeginParams"),
    result: shape({ uploadId: word, receivedBytes: count, expiresAt: time }),
  },
  "skills.upload.chunk": {
    scope: "operator.admin",
    params: published("SkillsUploadChunkParams"),
    result: shape({ uploadId: word, receivedBytes: count, expiresAt: time }),
  },
  "skills.upload.commit": {
    scope: "operator.admin",
    params: published("SkillsUploadCommitParams"),
    result: shape({ uploadId: word, receivedBytes: count, expiresAt: time, sha256: word }),
  },
};
