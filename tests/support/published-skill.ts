/** A skill, published in a registry of a test. */

import { timeOf } from "@pincer/registry/schema";
import type { House } from "@pincer/registry/testing/house";
import { pack } from "../../plugin-kit/archive.ts";

interface Contents {
  /** Its instructions. */
  readonly text?: string;
  /** Beside its `SKILL.md`. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Two days ago, by `ada`. */
export function publishSkill(house: House, id: string, version = "1.0.0", { text = "Throw them.", files = {} }: Contents = {}): void {
  const skill = `---\nname: ${id}\ndescription: Throws ${id}.\nmetadata:\n  version: "${version}"\n---\n${text}\n`;
  const publishedAt = timeOf(Date.now() - 48 * 3_600_000);
  const manifest = new Bun.CryptoHasher("sha256").update(skill).digest("hex");
  const all = Object.entries({ "SKILL.md": skill, ...files }).map(([path, content]) => ({ path, bytes: Buffer.from(content) }));
  house.publish(version, pack(all), { kind: "skills", id }, { manifest, publishedAt });
}
