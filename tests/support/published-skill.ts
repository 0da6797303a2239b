/** A skill of one file, published in a registry of a test. */
import type { House } from "@pincer/registry/testing/house";
import { pack } from "../../plugin-kit/archive.ts";

/** Two days ago, by `ada`. `text`: its instructions. */
export function publishSkill(house: House, id: string, version = "1.0.0", text = "Throw them."): void {
  const skill = `---\nname: ${id}\ndescription: Throws ${id}.\nmetadata:\n  version: "${version}"\n---\n${text}\n`;
  const publishedAt = `${new Date(Date.now() - 48 * 3_600_000).toISOString().slice(0, 19)}Z`;
  const manifest = new Bun.CryptoHasher("sha256").update(skill).digest("hex");
  house.publish(version, pack([{ path: "SKILL.md", bytes: Buffer.from(skill) }]), { kind: "skills", id }, { manifest, publishedAt });
}
