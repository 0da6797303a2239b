import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { startTestGateway } from "./gateway.ts";

const source = `import { definePlugin } from "@pincer/plugin-sdk";
import { existsSync } from "node:fs";
export default definePlugin({
  setup(ctx) {
    if (existsSync(\`\${import.meta.dir}/ebb\`)) throw new Error("the tide is out");
    ctx.log.info("late.began");
  },
});
`;

test("who awaits a line of the log is told of a plugin that does not load, before that and after", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-late-"));
  const plugins = pluginsFolder(home);
  const folder = await writePlugin(plugins, "late", source, { activate: "start" });
  writeFileSync(join(folder, "ebb"), "");
  {
    await using running = await startTestGateway({
      plugins: [plugins],
      enable: ["late"],
      config: { plugins: { late: { unsandboxed: true } } },
    });
    const told = /^"late.began" was awaited, and the plugin late does not load: .*the tide is out$/;
    await expect(running.logged("late.began")).rejects.toThrow(told);
    await expect(running.logged("late.began")).rejects.toThrow(told);
    expect(await running.logged("plugin.failed")).toMatchObject({ plugin: "late" });
  }
  rmSync(home, { recursive: true, force: true });
});
