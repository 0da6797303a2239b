/** A disk that is full from one step of an installation on. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startShop } from "../support/packages.ts";

const installer = join(import.meta.dir, "..", "support", "full-disk-installer.ts");

/** With a disk of its own in the place of the folder. */
const sandboxed = (folder: string, ...command: string[]) =>
  Bun.spawnSync(["bwrap", "--dev-bind", "/", "/", "--size", "2000000", "--tmpfs", folder, ...command]);
const canLimit = Bun.which("bwrap") !== null && sandboxed(tmpdir(), "true").exitCode === 0;

test.skipIf(!canLimit)(
  "on a disk that is full an installation has happened or it has not, it is said, and with room again it works",
  async () => {
    using shop = startShop();
    shop.publish(await shop.make("1.0.0"));
    const folder = mkdtempSync(join(tmpdir(), "pincer-full-"));
    const [home, config] = [join(folder, "home"), join(folder, "pincer.json5")];
    mkdirSync(home);
    writeFileSync(config, JSON.stringify({ plugins: { "registry-client": { config: { registries: [shop.registry] } } } }));
    const script = `cp ${config} ${home}/ && exec ${process.execPath} ${installer} ${home}`;
    const { stdout, stderr } = sandboxed(home, "sh", "-c", script);
    expect(stderr.toString()).toBe("");
    const outcomes = JSON.parse(stdout.toString());
    const nothing = { locked: false, drift: [], unlocked: [] };
    const installed = { locked: true, drift: [], unlocked: [] };
    const full = "REGISTRY_CLIENT_DISK_FULL";
    const expected = [
      ...["fetching", "staging", "dependencies"].map((step) => ({ step, full: { outcome: full, ...nothing } })),
      ...["placing", "configuring"].map((step) => ({ step, full: { outcome: "REGISTRY_CLIENT_ROLLED_BACK", ...nothing } })),
      // The one step was made, and cannot be written down: the next command does that.
      { step: "settled", full: { outcome: full, ...nothing, unlocked: ["weather"] } },
      ...["locked", "done"].map((step) => ({ step, full: { outcome: "done", ...installed } })),
    ];
    expect(outcomes).toEqual(expected.map((one) => ({ ...one, again: { outcome: "done", ...installed } })));
    rmSync(folder, { recursive: true, force: true });
  },
);
