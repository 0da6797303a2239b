/** A conversation with an agent that has skills, and the folders that they lie in. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type Conversation, type ConversationOptions, startConversation } from "../fixtures/conversation.ts";

export interface SkillTalk extends AsyncDisposable {
  readonly talk: Conversation;
  readonly home: string;
  readonly workspace: string;
  /** Writes a skill's SKILL.md in one step, as editors and installers do, and answers its folder. */
  write(name: string, text: string, root?: string): string;
  status(name: string): Promise<Record<string, unknown>>;
  /** What the request says of skills. */
  offered(call: number): string;
}

export const skillText = (name: string, description: string, more = "", body = "Do it.") =>
  `---\nname: ${name}\ndescription: ${description}\n${more === "" ? "" : `${more}\n`}---\n\n${body}\n`;

export function writeSkill(root: string, name: string, text: string): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const draft = join(folder, ".draft");
  writeFileSync(draft, text);
  renameSync(draft, join(folder, "SKILL.md"));
  return folder;
}

export const write = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
};

const systemText = ({ system }: ModelRequest) => system.map(({ text }) => text).join("\n---\n");

/** `prepare` is called before the gateway starts. */
export async function startSkills(
  options: Omit<ConversationOptions, "home"> & {
    readonly skills?: Record<string, unknown>;
    readonly prepare?: (home: string, workspace: string) => void;
  } = {},
): Promise<SkillTalk> {
  const home = mkdtempSync(join(tmpdir(), "pincer-skills-"));
  const workspace = join(home, "workspace");
  mkdirSync(workspace, { recursive: true });
  options.prepare?.(home, workspace);
  const talk = await startConversation({
    ...options,
    home,
    enable: ["skills", "tools-exec", "configuration", ...(options.enable ?? [])],
    config: { skills: { allowBundled: [], ...options.skills }, ...options.config },
  });
  return {
    ...{ talk, home, workspace },
    write: (name, text, root = join(workspace, "skills")) => writeSkill(root, name, text),
    async status(name) {
      const { skills } = await talk.client.call<{ skills: Record<string, unknown>[] }>("skills.status", {});
      const found = skills.find((skill) => skill["name"] === name);
      if (found === undefined) throw new Error(`no skill ${name} in ${skills.map((skill) => skill["name"]).join(", ")}`);
      return found;
    },
    offered: (call) => {
      const text = systemText(talk.script.models[call]!.request);
      const at = text.indexOf("Skills are instructions");
      return at < 0 ? "" : text.slice(at);
    },
    async [Symbol.asyncDispose]() {
      await talk[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
